package import Curl
internal import FoundationEssentials
internal import HTTPTypes

/// Speaks the part of S3 that writing and reading whole objects needs, to S3 and OBS alike. Nothing is retried here,
/// except where a method says so.
package struct ObjectStorageClient: Sendable {
    package let endpoint: ObjectEndpoint
    private let client: CurlClient
    private let secondsSinceEpoch: @Sendable () -> Int64

    /// - Parameter secondsSinceEpoch: the wall clock, for signatures.
    package init(
        _ endpoint: ObjectEndpoint, over client: CurlClient, secondsSinceEpoch: @escaping @Sendable () -> Int64
    ) {
        self.endpoint = endpoint
        self.client = client
        self.secondsSinceEpoch = secondsSinceEpoch
    }

    package typealias Query = [(name: String, value: String?)]

    /// Succeeds when the bucket exists and the key may use it; two requests when it does not.
    package func checkBucket(_ bucket: String) async throws(ObjectStorageError) {
        let action = "look at the bucket \(bucket)"
        do {
            _ = try await call("HEAD", bucket, "", action)
        } catch {
            guard (300...499).contains(error.status) else { throw error }
            // An answer to HEAD has no body: the store's own word comes with another refusal.
            let reason = await refusal("GET", bucket, Self.absentKey, action)
            if let reason, reason.code != .noSuchKey, reason.code != .noSuchBucket, !reason.storeCode.isEmpty {
                throw reason
            }
            guard error.code == .noSuchKey || reason?.code == .noSuchBucket else { throw error }
            throw ObjectStorageError(.noSuchBucket, status: 404, "the bucket \(bucket) does not exist")
        }
    }

    /// The name of an object that nobody has.
    private static let absentKey = "sluice-looks-for-this-bucket"

    private func refusal(
        _ method: String, _ bucket: String, _ key: String, _ action: String
    ) async -> ObjectStorageError? {
        do {
            _ = try await call(method, bucket, key, action)
            return nil
        } catch {
            return error
        }
    }

    /// Writes a whole object in one request.
    package func put(_ bytes: [UInt8], bucket: String, key: String) async throws(ObjectStorageError) {
        _ = try await call("PUT", bucket, key, "write \(key)", body: bytes)
    }

    /// Begins an upload in parts and gives its id.
    package func beginUpload(bucket: String, key: String) async throws(ObjectStorageError) -> String {
        let answer = try await call("POST", bucket, key, "begin the upload of \(key)", query: [("uploads", nil)])
        guard let id = XMLText.first("UploadId", in: answer), !id.isEmpty else {
            throw ObjectStorageError(.unavailable, "the object store began an upload without naming it")
        }
        return id
    }

    /// Writes one part, numbered from 1, and gives its tag.
    package func putPart(
        _ bytes: [UInt8], number: Int, upload: String, bucket: String, key: String
    ) async throws(ObjectStorageError) -> String {
        let query: Query = [("partNumber", String(number)), ("uploadId", upload)]
        let headers = try await exchange("PUT", bucket, key, "write part \(number) of \(key)", query, bytes).headers
        guard let tag = headers["ETag"], !tag.isEmpty else {
            throw ObjectStorageError(.unavailable, "the object store took a part without a tag")
        }
        return tag
    }

    /// Makes the parts one object.
    package func completeUpload(
        _ upload: String, parts: [(number: Int, tag: String)], bucket: String, key: String
    ) async throws(ObjectStorageError) {
        let list = parts.map {
            "<Part><PartNumber>\($0.number)</PartNumber><ETag>\(XMLText.escape($0.tag))</ETag></Part>"
        }
        let body = "<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>"
        let answer = try await call(
            "POST", bucket, key, "complete \(key)", query: [("uploadId", upload)], body: Array(body.utf8))
        // The answer begins before the work is done: a failure comes with status 200.
        if let code = XMLText.first("Code", in: answer), answer.contains("<Error") {
            throw ObjectStorageError.judge(status: 200, storeCode: code, "complete \(key)")
        }
    }

    /// Forgets an upload and its parts; one that is gone already counts as forgotten.
    package func abortUpload(_ upload: String, bucket: String, key: String) async throws(ObjectStorageError) {
        do {
            _ = try await call("DELETE", bucket, key, "abort an upload of \(key)", query: [("uploadId", upload)])
        } catch {
            guard error.code == .noSuchUpload || error.code == .noSuchKey else { throw error }
        }
    }

    /// The ids of unfinished uploads of exactly that key; at most a thousand.
    package func uploads(bucket: String, key: String) async throws(ObjectStorageError) -> [String] {
        let answer = try await call(
            "GET", bucket, "", "list uploads of \(key)", query: [("prefix", key), ("uploads", nil)])
        return XMLText.all("Upload", in: answer).filter { XMLText.first("Key", in: $0) == key }
            .compactMap { XMLText.first("UploadId", in: $0) }
    }

    /// An object as a listing shows it.
    package struct Listed: Sendable, Hashable {
        package let key: String
        package let length: Int
        /// Since 1970; nil when the store says no time that can be read.
        package let modifiedMilliseconds: Int64?
    }

    /// Objects whose keys begin with `prefix` and come after `after`, in the order of their keys' bytes: at most `limit`, of
    /// which a store takes 1,000. By the first version of the operation, which all stores speak.
    package func list(
        bucket: String, prefix: String, after: String?, limit: Int
    ) async throws(ObjectStorageError) -> (objects: [Listed], hasMore: Bool) {
        let keysMax = 1000
        var query: Query = [("max-keys", String(min(max(1, limit), keysMax))), ("prefix", prefix)]
        if let after { query.insert(("marker", after), at: 0) }
        let answer = try await call("GET", bucket, "", "list the bucket \(bucket)", query: query)
        let objects = XMLText.all("Contents", in: answer, limit: keysMax).compactMap { text -> Listed? in
            guard let key = XMLText.first("Key", in: text) else { return nil }
            return Listed(
                key: key, length: XMLText.first("Size", in: text).flatMap { Int($0) } ?? 0,
                modifiedMilliseconds: XMLText.first("LastModified", in: text).flatMap(Self.milliseconds))
        }
        let hasMore = XMLText.first("IsTruncated", in: answer) == "true" && !objects.isEmpty
        // Whoever goes on after the last key must come to an end.
        var previous = after
        for object in objects {
            guard previous.map({ $0.utf8.lexicographicallyPrecedes(object.key.utf8) }) ?? true else {
                throw ObjectStorageError(.refused, "the object store lists the bucket \(bucket) in no order")
            }
            previous = object.key
        }
        return (objects, hasMore)
    }

    private static func milliseconds(_ text: String) -> Int64? {
        let date =
            (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
        return date.map { Int64(($0.timeIntervalSince1970 * 1000).rounded()) }
    }

    /// Reads an object piece by piece; false when there is none.
    package func get(
        bucket: String, key: String, _ body: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(ObjectStorageError) -> Bool {
        let action = "read \(key)"
        let request = request("GET", bucket, key, [], [])
        let outcome: Result<Bool, ObjectStorageError>
        do {
            outcome = try await client.withResponse(to: request) { response in
                guard response.head.status == 200 else {
                    let bytesMax = 64 << 10
                    var text: [UInt8] = []
                    while text.count < bytesMax, let piece = try await response.next() { text += piece }
                    let error = Self.judge(response.head.status, text, action)
                    return error.code == .noSuchKey ? .success(false) : .failure(error)
                }
                while let piece = try await response.next() { body(piece) }
                return .success(true)
            }
        } catch let error as CurlError {
            throw Self.translate(error, action)
        } catch {
            throw ObjectStorageError(.cancelled, "cancelled when asked to \(action)")
        }
        return try outcome.get()
    }

    /// Whether there is an object of that name.
    package func holds(bucket: String, key: String) async throws(ObjectStorageError) -> Bool {
        do {
            _ = try await call("HEAD", bucket, key, "look for \(key)")
            return true
        } catch {
            guard error.code == .noSuchKey else { throw error }
            return false
        }
    }

    /// Removes an object; one that is gone already counts as removed.
    package func delete(bucket: String, key: String) async throws(ObjectStorageError) {
        do {
            _ = try await call("DELETE", bucket, key, "remove \(key)")
        } catch {
            guard error.code == .noSuchKey else { throw error }
        }
    }

    // MARK: One request

    private func call(
        _ method: String, _ bucket: String, _ key: String, _ action: String, query: Query = [], body: [UInt8] = []
    ) async throws(ObjectStorageError) -> String {
        String(decoding: try await exchange(method, bucket, key, action, query, body).body, as: UTF8.self)
    }

    private func exchange(
        _ method: String, _ bucket: String, _ key: String, _ action: String, _ query: Query, _ body: [UInt8]
    ) async throws(ObjectStorageError) -> HTTPResponse {
        let response: HTTPResponse
        do {
            response = try await client.send(request(method, bucket, key, query, body), responseBytesMax: 4 << 20)
        } catch {
            throw Self.translate(error, action)
        }
        guard (200...299).contains(response.status) else { throw Self.judge(response.status, response.body, action) }
        return response
    }

    private func request(
        _ method: String, _ bucket: String, _ key: String, _ query: Query, _ body: [UInt8]
    ) -> CurlRequest {
        let headers = RequestSigner(endpoint: endpoint).headers(
            method, bucket: bucket, key: key, query: query, payload: body,
            at: SigningTime(secondsSinceEpoch: secondsSinceEpoch()))
        let text = query.map { pair in
            let name = PercentEncoding.encode(pair.name)
            // Both signatures count `uploads` and `uploads=` as one.
            return "\(name)=\(PercentEncoding.encode(pair.value ?? ""))"
        }.joined(separator: "&")
        let url =
            "\(endpoint.isSecure ? "https" : "http")://\(endpoint.host(of: bucket))\(endpoint.path(of: bucket, key))"
            + (text.isEmpty ? "" : "?\(text)")
        return CurlRequest(
            method: method, url: url, headers: headers,
            body: body.isEmpty && method != "PUT" && method != "POST" ? .none : .bytes(body),
            timeouts: CurlTimeouts(total: .seconds(300), lowSpeed: .seconds(30)))
    }

    private static func judge(_ status: Int, _ body: [UInt8], _ action: String) -> ObjectStorageError {
        let text = String(decoding: body.prefix(64 << 10), as: UTF8.self)
        return ObjectStorageError.judge(status: status, storeCode: XMLText.first("Code", in: text) ?? "", action)
    }

    private static func translate(_ error: CurlError, _ action: String) -> ObjectStorageError {
        switch error.code {
        case .cancelled: ObjectStorageError(.cancelled, "cancelled when asked to \(action)")
        case .invalidRequest: ObjectStorageError(.refused, "cannot \(action): \(error.message)")
        default:
            ObjectStorageError(.unavailable, transport: transport(of: error), "cannot \(action): \(error.message)")
        }
    }

    private static func transport(of error: CurlError) -> ObjectStorageError.Transport {
        switch error.code {
        case .unreachable: error.isNameUnknown ? .nameUnknown : .nobodyListens
        case .tls: .tls
        case .timedOut: .timedOut
        default: .other
        }
    }
}

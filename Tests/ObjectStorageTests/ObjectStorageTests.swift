import Curl
import Foundation
import HTTPTypes
import ObjectStorage
import ScriptedServer
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceSinkObject

/// A store with one bucket, behind a script that may refuse or forget to answer.
final class ScriptedStore: Sendable {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        var uploads: [String: [Int: [UInt8]]] = [:]
        var requests: [String] = []
        var headers: [HTTPFields] = []
        var faults: [String: [ScriptedServer.Reply]] = [:]
        var lost: String?
    }

    private let state = Mutex(State())

    var objects: [String: [UInt8]] { state.withLock(\.objects) }
    var requests: [String] { state.withLock(\.requests) }
    var headers: [HTTPFields] { state.withLock(\.headers) }
    var openUploads: Int { state.withLock(\.uploads.count) }

    /// Answers the next request of that method so.
    func fault(_ method: String, _ reply: ScriptedServer.Reply) {
        state.withLock { $0.faults[method, default: []].append(reply) }
    }

    /// Does what the next request that begins so asks for, and does not answer.
    func loseAnswer(to request: String) { state.withLock { $0.lost = request } }

    func leaveUpload(_ id: String) { state.withLock { $0.uploads[id] = [:] } }

    func answer(_ request: HTTPRequest) -> ScriptedServer.Reply {
        state.withLock { state in
            state.requests.append("\(request.method) \(request.target)")
            state.headers.append(request.headers)
            if let fault = state.faults[request.method]?.first {
                state.faults[request.method]?.removeFirst()
                return fault
            }
            let key = String(request.path)
            let query = Dictionary(
                request.query.split(separator: "&").map { pair in
                    let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                    return (parts[0], parts.count > 1 ? parts[1] : "")
                }, uniquingKeysWith: { $1 })
            func text(_ text: String) -> ScriptedServer.Reply {
                .response(HTTPResponse(status: 200, body: Array(text.utf8)))
            }
            switch request.method {
            case "HEAD": return .response(HTTPResponse(status: key == "/lake" || state.objects[key] != nil ? 200 : 404))
            case "GET" where query["uploads"] != nil:
                let list = state.uploads.keys.sorted().map {
                    "<Upload><Key>big</Key><UploadId>\($0)</UploadId></Upload>"
                }
                return text("<R>\(list.joined())</R>")
            case "GET":
                guard let bytes = state.objects[key] else {
                    return .response(
                        HTTPResponse(status: 404, body: Array("<Error><Code>NoSuchKey</Code></Error>".utf8)))
                }
                return .response(HTTPResponse(status: 200, body: bytes))
            case "POST" where query["uploads"] != nil:
                state.uploads["u1"] = [:]
                return text("<R><UploadId>u1</UploadId></R>")
            case "POST":
                guard let parts = state.uploads.removeValue(forKey: query["uploadId"] ?? "") else {
                    return .response(
                        HTTPResponse(status: 404, body: Array("<Error><Code>NoSuchUpload</Code></Error>".utf8)))
                }
                state.objects[key] = parts.sorted { $0.key < $1.key }.flatMap(\.value)
                if let lost = state.lost, "\(request.method) \(request.target)".hasPrefix(lost) {
                    state.lost = nil
                    return .hangUp
                }
                return text("<R/>")
            case "PUT" where query["partNumber"] != nil:
                state.uploads[query["uploadId"] ?? ""]?[Int(query["partNumber"] ?? "") ?? 0] = request.body.array
                return .response(HTTPResponse(status: 200, headers: HTTPFields([("ETag", "\"t\"")])))
            case "PUT":
                state.objects[key] = request.body.array
                return text("")
            case "DELETE":
                if let upload = query["uploadId"] { state.uploads[upload] = nil } else { state.objects[key] = nil }
                return .response(HTTPResponse(status: 204))
            default: return .response(HTTPResponse(status: 400))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ObjectStorageTests {
    struct House {
        let store = ScriptedStore()
        let server: ScriptedServer
        let client: CurlClient
        let sinks: ObjectDestinations

        init(signature: ObjectEndpoint.Signature = .v4, time: any TimeSource = SystemTime()) throws {
            let store = store
            server = try ScriptedServer { store.answer($0) }
            client = try CurlClient()
            let endpoint = ObjectEndpoint(
                isSecure: false, authority: "127.0.0.1:\(server.port)", region: "r1", accessKey: "AK", secretKey: "SK",
                signature: signature)
            sinks = ObjectDestinations(
                [.init(agency: "cloud", place: .endpoint(endpoint, client))], otherwise: "/nowhere", time: time)
        }

        func sink(_ bucket: String = "lake") throws -> any ObjectSink {
            try sinks.sink(project: try #require(ProjectID("p1")), agency: "cloud", bucket: bucket)
        }
    }

    /// A body of `count` bytes in pieces of 3 MiB.
    static func body(_ count: Int) -> (ObjectBody, ObjectFacts) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
        let position = Position()
        let body = ObjectBody(length: count) {
            let start = position.take(3 << 20)
            return start >= count ? nil : Array(bytes[start..<min(count, start + 3 << 20)])
        }
        return (body, ObjectFacts(length: count, crc32c: CRC32C.checksum(bytes)))
    }

    final class Position: Sendable {
        private let cell = Mutex(0)
        func take(_ count: Int) -> Int {
            cell.withLock { cell in
                defer { cell += count }
                return cell
            }
        }
    }

    @Test(arguments: [0, 10, 8 << 20, 20 << 20])
    func objectsReadBackAsWritten(size: Int) async throws {
        let house = try House()
        let (body, facts) = Self.body(size)
        let sink = try house.sink()
        try await sink.prepare()
        try await sink.write("big", body: body)
        #expect(try await sink.examine("big") == facts)
        #expect(try await sink.examine("other") == nil)
        #expect(try await sink.holds("big"))
        #expect(try await !sink.holds("other"))
        #expect(house.store.openUploads == 0)
    }

    /// What a store's trouble may take up is bounded for the store, however many projects and agencies share it.
    @Test func destinationsOfOneStoreAreOnePlace() throws {
        let client = try CurlClient()
        func endpoint(_ authority: String, key: String) -> ObjectDestinations.Rule.Place {
            .endpoint(
                ObjectEndpoint(
                    isSecure: false, authority: authority, region: "r1", accessKey: key, secretKey: "SK"), client)
        }
        let sinks = ObjectDestinations(
            [
                .init(agency: "a", place: endpoint("s3.example:1", key: "A")),
                .init(agency: "b", place: endpoint("s3.example:1", key: "B")),
                .init(agency: "c", place: endpoint("s3.example:2", key: "A")),
                .init(agency: "d", place: .folder("/buckets")),
            ], otherwise: "/default", time: ManualTime())
        let project = try #require(ProjectID("p1"))
        let other = try #require(ProjectID("p2"))
        let places = ["a", "b", "c", "d", "e"].map { sinks.place(project: project, agency: $0) }
        #expect(places == ["s3.example:1", "s3.example:1", "s3.example:2", "folder:/buckets", "folder:"])
        #expect(sinks.place(project: other, agency: "a") == places[0])
    }

    @Test func partsAreTriedAgainAndFailedUploadsAborted() async throws {
        let house = try House()
        house.store.leaveUpload("left")
        house.store.fault("PUT", .hangUp)
        let (body, facts) = Self.body(10 << 20)
        try await house.sink().write("big", body: body)
        #expect(try await house.sink().examine("big") == facts)
        #expect(house.store.openUploads == 0)
        for _ in 0..<20 { house.store.fault("PUT", .response(HTTPResponse(status: 500))) }
        await #expect(throws: SinkError.self) { try await house.sink().write("big", body: Self.body(10 << 20).0) }
        #expect(house.store.openUploads == 0)
    }

    /// Whoever stops a task does not wait for a store that has gone silent.
    @Test func anUploadThatIsCancelledEndsSoonWhenTheStoreIsSilent() async throws {
        let time = ManualTime()
        let house = try House(time: time)
        for method in ["PUT", "PUT", "DELETE"] { house.store.fault(method, .silence) }
        let sink = try house.sink()
        let write = Task { try await sink.write("big", body: Self.body(12 << 20).0) }
        while house.store.requests.filter({ $0.hasPrefix("PUT") }).count < 2 { await Task.yield() }
        write.cancel()
        while !house.store.requests.contains(where: { $0.hasPrefix("DELETE") }) { await Task.yield() }
        while time.sleeperCount == 0 { await Task.yield() }
        time.advance(by: .seconds(5))
        await #expect(throws: (any Error).self) { try await write.value }
    }

    @Test func aCompletionWhoseAnswerWasLostCounts() async throws {
        let house = try House()
        let (body, facts) = Self.body(12 << 20)
        // The first answer is lost after the object was made; the second says that the upload is gone.
        house.store.loseAnswer(to: "POST /lake/big?uploadId")
        try await house.sink().write("big", body: body)
        #expect(try await house.sink().examine("big") == facts)
        #expect(house.store.openUploads == 0)
    }

    @Test func aStoreThatForgetsUploadsIsTriedAgainLater() async throws {
        let house = try House()
        let gone = "<Error><Code>NoSuchUpload</Code></Error>"
        house.store.fault("PUT", .response(HTTPResponse(status: 404, body: Array(gone.utf8))))
        do {
            try await house.sink().write("big", body: Self.body(12 << 20).0)
            Issue.record("was accepted")
        } catch let error as SinkError {
            #expect(error.code == .unavailable)
        }
        #expect(house.store.openUploads == 0)
    }

    @Test(arguments: [(0, 7), (6, 7), (7, 7), (8, 7), (30, 7), (30, 1)])
    func bodiesAreCutIntoParts(count: Int, size: Int) async throws {
        let bytes = (0..<count).map { UInt8($0) }
        for pieceSize in [1, 3, 7, 100] {
            let position = Position()
            let parts = PartReader(
                ObjectBody {
                    let start = position.take(pieceSize)
                    return start >= count ? nil : Array(bytes[start..<min(count, start + pieceSize)])
                }, size: size)
            var found: [[UInt8]] = []
            while let part = try await parts.next() { found.append(part) }
            #expect(found.flatMap { $0 } == bytes)
            #expect(found.dropLast().allSatisfy { $0.count == size })
            #expect(found.allSatisfy { !$0.isEmpty && $0.count <= size })
        }
    }

    @Test(arguments: [(0, true), (6, true), (7, true), (8, false), (30, false)])
    func aBodyOfOnePartIsKnown(count: Int, isOne: Bool) async throws {
        let bytes = (0..<count).map { UInt8($0) }
        let position = Position()
        let parts = PartReader(
            ObjectBody {
                let start = position.take(3)
                return start >= count ? nil : Array(bytes[start..<min(count, start + 3)])
            }, size: 7)
        #expect(try await parts.onlyPart() == (isOne ? bytes : nil))
        var rest: [UInt8] = []
        while let part = try await parts.next() { rest += part }
        #expect(rest == (isOne ? [] : bytes))
    }

    /// The longest names of stream and task, in the deepest directories there can be.
    @Test func foldersTakeTheLongestKeys() async throws {
        let root = NSTemporaryDirectory() + "sluice-folders-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let names = String(repeating: "s", count: 64) + "_" + String(repeating: "t", count: 64)
        let sink = try FolderBuckets(root: root).folder(of: "lake")
        for prefix in [String(repeating: "p", count: 50), String(repeating: "p/", count: 25)] {
            let key = prefix + "/2026/01/02/03/04/\(names)_shardId-0000000000_00000000000000000000_1.txt"
            let once = Position()
            try await sink.write(key, body: ObjectBody { once.take(1) == 0 ? [1, 2, 3] : nil })
            #expect(try await sink.examine(key)?.length == 3)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: root + "/lake/.incomplete")
        #expect(left.isEmpty)
    }

    @Test(arguments: [
        (403, "AccessDenied", SinkError.Code.accessDenied), (404, "NoSuchBucket", .notFound),
        (503, "SlowDown", .throttled),
        (500, "InternalError", .unavailable), (403, "QuotaExceeded", .full), (400, "KeyTooLongError", .refused),
        (429, "", .throttled), (502, "", .unavailable), (401, "", .accessDenied),
    ])
    func refusalsAreJudgedByTheirCode(status: Int, code: String, expected: SinkError.Code) async throws {
        let house = try House()
        let body = code.isEmpty ? "" : "<?xml version=\"1.0\"?><Error><Code>\(code)</Code></Error>"
        house.store.fault("PUT", .response(HTTPResponse(status: status, body: Array(body.utf8))))
        do {
            try await house.sink().write("k", body: Self.body(3).0)
            Issue.record("was accepted")
        } catch let error as SinkError {
            #expect(error.code == expected)
            #expect(!error.message.contains("SK"))
        }
    }

    @Test func aStoreListsAPageAtATime() async throws {
        let house = try House()
        func answer(_ keys: [String], more: Bool) {
            let list = keys.map {
                "<Contents><Key>\($0)</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;x&quot;</ETag>"
                    + "<Size>7</Size></Contents>"
            }
            let text = "<ListBucketResult><IsTruncated>\(more)</IsTruncated>\(list.joined())</ListBucketResult>"
            house.store.fault("GET", .response(HTTPResponse(status: 200, body: Array(text.utf8))))
        }
        answer(["p/a&amp;b", "p/c&#x20;d&#13;&apos;"], more: true)
        let page = try await house.sink().list(below: "p/", after: nil, limit: 5000)
        #expect(page.objects.map(\.key) == ["p/a&b", "p/c d\r'"] && page.hasMore)
        #expect(page.objects[0].length == 7 && page.objects[0].modifiedAt == Timestamp(milliseconds: 1_767_323_045_000))
        #expect(house.store.requests.last == "GET /lake?max-keys=1000&prefix=p%2F")
        answer(["p/d"], more: false)
        #expect(try await house.sink().list(below: "p/", after: "p/c d", limit: 10).hasMore == false)
        #expect(house.store.requests.last == "GET /lake?marker=p%2Fc%20d&max-keys=10&prefix=p%2F")
        for keys in [["p/b", "p/a"], ["p/a", "p/a"], ["p/Z"]] {
            answer(keys, more: true)
            await #expect(throws: SinkError.self) { try await house.sink().list(below: "p/", after: "p/Z", limit: 10) }
        }
    }

    @Test func aMissingBucketIsNotFound() async throws {
        let house = try House()
        do {
            try await house.sink("none").prepare()
            Issue.record("was accepted")
        } catch let error as SinkError {
            #expect(error.code == .notFound)
        }
    }

    /// A HEAD is answered without a body; the store's word comes with the GET behind it.
    @Test(arguments: [
        (403, 403, "SignatureDoesNotMatch", SinkError.Code.accessDenied), (403, 403, "AccessDenied", .accessDenied),
        (403, 404, "NoSuchKey", .accessDenied), (403, 404, "NoSuchBucket", .notFound),
        (404, 404, "NoSuchKey", .notFound),
        (404, 404, "NoSuchBucket", .notFound), (404, 404, "XAdminUserNotFound", .accessDenied),
        (404, 403, "InvalidAccessKeyId", .accessDenied), (404, 404, "", .notFound), (403, 500, "", .accessDenied),
        (400, 400, "AuthorizationHeaderMalformed", .refused), (301, 301, "PermanentRedirect", .refused),
        (503, 404, "NoSuchBucket", .throttled), (500, 404, "NoSuchBucket", .unavailable),
    ])
    func aBucketThatCannotBeUsed(head: Int, get: Int, code: String, expected: SinkError.Code) async throws {
        let house = try House()
        house.store.fault("HEAD", .response(HTTPResponse(status: head)))
        let body = code.isEmpty ? "" : "<Error><Code>\(code)</Code></Error>"
        house.store.fault("GET", .response(HTTPResponse(status: get, body: Array(body.utf8))))
        do {
            try await house.sink().prepare()
            Issue.record("was accepted")
        } catch let error as SinkError {
            #expect(error.code == expected, "\(error)")
        }
    }

    @Test(arguments: [ObjectEndpoint.Signature.v4, .obs])
    func requestsAreSigned(signature: ObjectEndpoint.Signature) async throws {
        let house = try House(signature: signature)
        try await house.sink().write("a/b c", body: Self.body(3).0)
        #expect(house.store.requests == ["PUT /lake/a/b%20c"])
        let authorization = try #require(house.store.headers.first?["Authorization"])
        switch signature {
        case .v4:
            #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AK/"))
            #expect(authorization.contains("/r1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "))
        case .obs: #expect(authorization.hasPrefix("OBS AK:"))
        }
    }

    @Test func signingTimes() {
        let time = SigningTime(secondsSinceEpoch: 1_369_353_600)
        #expect(time.basic == "20130524T000000Z" && time.http == "Fri, 24 May 2013 00:00:00 GMT")
    }
}

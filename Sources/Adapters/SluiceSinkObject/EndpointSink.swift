internal import ObjectStorage
internal import SluiceCore
internal import SluicePorts

/// One bucket of an object store.
struct EndpointSink: ObjectSink {
    let bucket: String
    let storage: ObjectStorageClient
    let time: any TimeSource

    var place: SinkPlace? { .endpoint(storage.endpoint.authority) }

    /// Objects up to this size go in one request, larger ones in parts of it: the smallest that every store takes.
    static let partSize = 5 << 20
    /// Parts on their way at once, while the next one is filled.
    static let partsInFlight = 2
    /// How often one part, or the completion of an upload, is tried.
    static let attempts = 4
    /// The pause after the first failure of a part; it doubles from one to the next.
    private static let pause: Duration = .milliseconds(100)
    /// How long a store may take to forget an upload before nobody waits for it any more.
    private static let abortTimeout: Duration = .seconds(5)

    func prepare() async throws(SinkError) {
        do {
            try await storage.checkBucket(bucket)
        } catch {
            throw SinkError(error)
        }
    }

    func write(_ key: String, body: ObjectBody) async throws {
        let parts = PartReader(body, size: Self.partSize)
        if let whole = try await parts.onlyPart() {
            return try await translating { () throws(ObjectStorageError) in
                try await storage.put(whole, bucket: bucket, key: key)
            }
        }
        try await writeInParts(key, parts)
    }

    private func writeInParts(_ key: String, _ parts: PartReader) async throws {
        let upload = try await translating { () throws(ObjectStorageError) in
            try await storage.beginUpload(bucket: bucket, key: key)
        }
        do {
            await abortUploads(of: key, except: upload)
            try await complete(upload, parts: try await writeParts(parts, upload, key), key)
        } catch {
            // Not a child task: it must also work when this one is cancelled, and it is waited for. What cannot be
            // aborted now is aborted before the next attempt.
            await Task { await abort(upload, key) }.value
            throw error
        }
    }

    /// Aborts an upload as well as that is possible in a time that whoever stops the task can wait.
    private func abort(_ upload: String, _ key: String) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await storage.abortUpload(upload, bucket: bucket, key: key) }
            group.addTask { try? await time.sleep(for: Self.abortTimeout) }
            await group.next()
            group.cancelAll()
        }
    }

    /// What a crash or an answer that was lost has left behind takes room and, on some stores, money. A store that
    /// cannot list or abort uploads takes objects all the same.
    private func abortUploads(of key: String, except own: String) async {
        guard let left = try? await storage.uploads(bucket: bucket, key: key) else { return }
        for upload in left where upload != own {
            try? await storage.abortUpload(upload, bucket: bucket, key: key)
        }
    }

    /// Writes all parts, a few at once; gives their numbers and tags in order.
    private func writeParts(
        _ parts: PartReader, _ upload: String, _ key: String
    ) async throws -> [(number: Int, tag: String)] {
        try await withThrowingTaskGroup(of: (number: Int, tag: String).self) { group in
            var written: [(number: Int, tag: String)] = []
            var number = 0
            while let part = try await parts.next() {
                if number - written.count == Self.partsInFlight, let done = try await group.next() {
                    written.append(done)
                }
                number += 1
                group.addTask { [number] in (number, try await writePart(part, number, upload, key)) }
            }
            while let done = try await group.next() { written.append(done) }
            return written.sorted { $0.number < $1.number }
        }
    }

    private func writePart(_ part: [UInt8], _ number: Int, _ upload: String, _ key: String) async throws -> String {
        var attempt = 1
        while true {
            do {
                return try await storage.putPart(part, number: number, upload: upload, bucket: bucket, key: key)
            } catch {
                try await pauseOrThrow(error, after: &attempt)
            }
        }
    }

    private func complete(_ upload: String, parts: [(number: Int, tag: String)], _ key: String) async throws {
        var attempt = 1
        while true {
            do {
                return try await storage.completeUpload(upload, parts: parts, bucket: bucket, key: key)
            } catch {
                // An earlier request whose answer was lost may have completed it: reading the object back decides.
                if error.storeCode == "NoSuchUpload" { return }
                try await pauseOrThrow(error, after: &attempt)
            }
        }
    }

    /// Waits before the next attempt; throws the error when it is not worth one.
    private func pauseOrThrow(_ error: ObjectStorageError, after attempt: inout Int) async throws {
        guard error.isRetriable, attempt < Self.attempts else { throw SinkError(error) }
        try await time.sleep(for: Self.pause * (1 << (attempt - 1)))
        attempt += 1
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        do {
            return try await storage.get(bucket: bucket, key: key, body)
        } catch {
            throw SinkError(error)
        }
    }

    func list(below prefix: String, after: String?, limit: Int) async throws(SinkError) -> ObjectListing {
        do {
            let page = try await storage.list(bucket: bucket, prefix: prefix, after: after, limit: limit)
            return ObjectListing(
                objects: page.objects.map { object in
                    // One without a time that can be read may be of any age.
                    ListedObject(
                        key: object.key, length: object.length,
                        modifiedAt: Timestamp(milliseconds: object.modifiedMilliseconds ?? .max))
                }, hasMore: page.hasMore)
        } catch {
            throw SinkError(error)
        }
    }

    func holds(_ key: String) async throws(SinkError) -> Bool {
        do {
            return try await storage.holds(bucket: bucket, key: key)
        } catch {
            throw SinkError(error)
        }
    }

    private func translating<Result>(
        _ body: () async throws(ObjectStorageError) -> Result
    ) async throws(SinkError) -> Result {
        do {
            return try await body()
        } catch {
            throw SinkError(error)
        }
    }
}

extension SinkError {
    init(_ error: ObjectStorageError) {
        let code: Code =
            switch error.code {
            case .noSuchBucket, .noSuchKey: .notFound
            case .accessDenied: .accessDenied
            case .refused: .refused
            case .quotaExceeded: .full
            case .throttled: .throttled
            // Another attempt begins another upload.
            case .unavailable, .noSuchUpload: .unavailable
            case .cancelled: .cancelled
            }
        self.init(code, error.message)
    }
}

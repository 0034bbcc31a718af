internal import ObjectStorage
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// One bucket of an object store.
struct EndpointSink: ObjectSink {
    let bucket: String
    let storage: ObjectStorageClient

    /// Objects up to this size go in one request, larger ones in parts of it.
    static let partSize = 8 << 20
    /// How often one part is tried.
    private static let partAttempts = 3

    func prepare() async throws(SinkError) {
        do {
            try await storage.checkBucket(bucket)
        } catch {
            throw SinkError(error)
        }
    }

    func write(_ key: String, body: ObjectBody) async throws {
        var buffer: [UInt8] = []
        var isOver = false
        while buffer.count < Self.partSize, !isOver {
            if let piece = try await body.next() { buffer += piece } else { isOver = true }
        }
        if isOver {
            let bytes = buffer
            try await translating { () throws(ObjectStorageError) in
                try await storage.put(bytes, bucket: bucket, key: key)
            }
        } else {
            try await writeInParts(key, beginningWith: buffer, body)
        }
    }

    private func writeInParts(_ key: String, beginningWith first: [UInt8], _ body: ObjectBody) async throws {
        // What a crash left behind takes room and, on some stores, money.
        for left in try await translating({ () throws(ObjectStorageError) in
            try await storage.uploads(bucket: bucket, key: key)
        }) {
            try await translating { () throws(ObjectStorageError) in
                try await storage.abortUpload(left, bucket: bucket, key: key)
            }
        }
        let upload = try await translating { () throws(ObjectStorageError) in
            try await storage.beginUpload(bucket: bucket, key: key)
        }
        do {
            var parts: [(number: Int, tag: String)] = []
            var buffer = first
            var isOver = false
            while !buffer.isEmpty {
                while buffer.count < Self.partSize, !isOver {
                    if let piece = try await body.next() { buffer += piece } else { isOver = true }
                }
                // Every part but the last has the same size: some stores insist.
                let part = Array(buffer.prefix(Self.partSize))
                buffer.removeFirst(part.count)
                let number = parts.count + 1
                parts.append((number, try await writePart(part, number, upload, key)))
            }
            let list = parts
            try await translating { () throws(ObjectStorageError) in
                try await storage.completeUpload(upload, parts: list, bucket: bucket, key: key)
            }
        } catch {
            // Not a child task: it must also work when this one is cancelled, and it is waited for. What cannot be
            // aborted now is aborted before the next attempt.
            await Task { [storage, bucket] in try? await storage.abortUpload(upload, bucket: bucket, key: key) }.value
            throw error
        }
    }

    private func writePart(_ part: [UInt8], _ number: Int, _ upload: String, _ key: String) async throws -> String {
        var attempt = 1
        while true {
            do {
                return try await storage.putPart(part, number: number, upload: upload, bucket: bucket, key: key)
            } catch {
                guard error.isRetriable, error.code != .throttled, attempt < Self.partAttempts else {
                    throw SinkError(error)
                }
                attempt += 1
            }
        }
    }

    func examine(_ key: String) async throws(SinkError) -> ObjectFacts? {
        let meter = Meter()
        do {
            let isThere = try await storage.get(bucket: bucket, key: key) { meter.add($0) }
            return isThere ? meter.facts : nil
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

/// Measures bytes as they come.
private final class Meter: Sendable {
    private let state = Mutex((length: 0, crc: UInt32(0)))

    var facts: ObjectFacts { state.withLock { ObjectFacts(length: $0.length, crc32c: $0.crc) } }

    func add(_ bytes: [UInt8]) {
        state.withLock { state in
            state.length += bytes.count
            state.crc = CRC32C.checksum(bytes, continuing: state.crc)
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
            case .unavailable: .unavailable
            case .cancelled: .cancelled
            }
        self.init(code, error.message)
    }
}

internal import Observability
internal import SluiceCore
internal import SluicePorts

/// One folder as a bucket.
struct FolderSink: ObjectSink {
    let bucket: String
    let buckets: FolderBuckets

    var place: SinkPlace? { buckets.place }

    /// Temporary objects lie here, outside every prefix that an object can have. What a crash leaves is replaced by the
    /// next attempt, which has the same name.
    static let temporaryFolder = ".incomplete"
    /// The longest name that common file systems take.
    private static let nameBytesMax = 255

    /// A name of its own for each key, without slashes: where that would be too long, the last part alone with the
    /// checksum of all.
    static func temporaryName(of key: String) -> String {
        let name = key.replacing("/", with: "%2F")
        guard name.utf8.count > nameBytesMax, let start = key.lastIndex(of: "/") else { return name }
        return String(CRC32C.checksum(Array(key.utf8)), radix: 16) + key[start...].replacing("/", with: "-")
    }

    private var folder: String { buckets.root + "/" + bucket }
    private var incomplete: String { folder + "/" + Self.temporaryFolder }

    func prepare() async throws(SinkError) {
        let incomplete = incomplete
        try await perform { _ throws(FolderFault) in try FolderFiles.makeDirectories(incomplete) }
    }

    func write(_ key: String, body: ObjectBody) async throws {
        let path = folder + "/" + key
        let incomplete = incomplete
        guard let writing = buckets.writes.begin(incomplete + "/" + Self.temporaryName(of: key)) else {
            throw SinkError(.unavailable, "an earlier write of \(bucket)/\(key) has not come back from the file system")
        }
        do {
            try await perform { _ throws(FolderFault) in try writing.begin(in: incomplete) }
            while let piece = try await body.next() {
                try await perform { _ throws(FolderFault) in try writing.append(piece) }
            }
            try await perform { _ throws(FolderFault) in try writing.finish(at: path) }
        } catch {
            if writing.abandon() { _ = await buckets.threads.runUntilCancelled { _ in writing.cleanUp() } }
            throw error
        }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        let path = folder + "/" + key
        return try await perform { isWanted throws(FolderFault) in
            try FolderFiles.read(path, while: isWanted, body)
        }
    }

    func list(below prefix: String, after: String?, limit: Int) async throws(SinkError) -> ObjectListing {
        let folder = folder
        return try await perform { isWanted throws(FolderFault) in
            try withoutActuallyEscaping(isWanted) { isWanted throws(FolderFault) in
                var listing = FolderListing(folder, below: prefix, after: after, limit: limit, while: isWanted)
                try listing.run()
                return listing.result
            }
        }
    }

    func holds(_ key: String) async throws(SinkError) -> Bool {
        let path = folder + "/" + key
        return try await perform { _ throws(FolderFault) in try FolderFiles.exists(path) }
    }

    /// Removes an object; one that is gone already counts as removed.
    func remove(_ key: String) async throws(SinkError) {
        let path = folder + "/" + key
        try await perform { _ throws(FolderFault) in try FolderFiles.remove(path) }
    }

    /// Runs blocking calls on the folder's threads. A cancelled task goes on at once: a call on a file system that hangs,
    /// as a network's may, comes back late or never.
    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (_ isWanted: () -> Bool) throws(FolderFault) -> Value
    ) async throws(SinkError) -> Value {
        guard !Task.isCancelled,
            let result = await buckets.threads.runUntilCancelled({ isWanted in
                Result { () throws(FolderFault) in try body(isWanted) }
            })
        else { throw SinkError(.cancelled, "cancelled") }
        do {
            return try result.get()
        } catch {
            buckets.logger.warning(
                "a folder of buckets failed", ["action": error.action, "path": error.path, "reason": error.reason])
            throw error.shown(below: buckets.root)
        }
    }
}

internal import SluiceCore
internal import SluicePorts

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// One folder as a bucket.
struct FolderSink: ObjectSink {
    let folder: String
    let threads: BlockingThreads

    /// Temporary objects lie here, outside every prefix that an object can have. What a crash leaves is replaced by the
    /// next attempt, which has the same name.
    private static let temporaryFolder = ".incomplete"
    /// The longest name that common file systems take.
    private static let nameBytesMax = 255

    /// A name of its own for each key, without slashes: where that would be too long, the last part alone with the
    /// checksum of all.
    static func temporaryName(of key: String) -> String {
        let name = key.replacing("/", with: "%2F")
        guard name.utf8.count > nameBytesMax, let start = key.lastIndex(of: "/") else { return name }
        return String(CRC32C.checksum(Array(key.utf8)), radix: 16) + key[start...].replacing("/", with: "-")
    }

    func prepare() async throws(SinkError) {
        let folder = folder
        let result: Result<Void, SinkError> = await withTaskExecutorPreference(threads) {
            Result { () throws(SinkError) in try FolderFiles.makeDirectories(folder + "/" + Self.temporaryFolder) }
        }
        try result.get()
    }

    func write(_ key: String, body: ObjectBody) async throws {
        let path = folder + "/" + key
        let temporary = folder + "/" + Self.temporaryFolder + "/" + Self.temporaryName(of: key)
        try await withTaskExecutorPreference(threads) {
            try FolderFiles.makeDirectories(folder + "/" + Self.temporaryFolder)
            try await Self.fill(temporary, from: body)
            let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            try FolderFiles.makeDirectories(directory)
            try FolderFiles.rename(temporary, to: path)
            try FolderFiles.synchronizeDirectory(directory)
        }
    }

    /// Writes all of the body into a new file and makes it durable; leaves no file behind when that fails.
    private static func fill(_ path: String, from body: ObjectBody) async throws {
        let file = try FolderFile(creating: path)
        do {
            while let piece = try await body.next() {
                try Task.checkCancellation()
                try file.write(piece)
            }
            try file.synchronize()
            try file.close()
        } catch {
            file.abandon()
            throw error
        }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        let path = folder + "/" + key
        let result: Result<Bool, SinkError> = await withTaskExecutorPreference(threads) {
            Result { () throws(SinkError) in try FolderFiles.read(path, body) }
        }
        return try result.get()
    }

    func holds(_ key: String) async throws(SinkError) -> Bool {
        let path = folder + "/" + key
        let result: Result<Bool, SinkError> = await withTaskExecutorPreference(threads) {
            Result { () throws(SinkError) in try FolderFiles.exists(path) }
        }
        return try result.get()
    }

    /// Removes an object; one that is gone already counts as removed.
    func remove(_ key: String) async throws(SinkError) {
        let path = folder + "/" + key
        let result: Result<Void, SinkError> = await withTaskExecutorPreference(threads) {
            Result { () throws(SinkError) in try FolderFiles.remove(path) }
        }
        try result.get()
    }
}

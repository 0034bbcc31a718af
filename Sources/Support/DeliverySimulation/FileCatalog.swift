internal import Dispatch
internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCatalogSQLite
internal import Synchronization

/// The real catalog, in a file. Whoever calls holds the whole simulation up until the answer is there, so that a run is
/// the same each time, whatever the threads of the catalog do.
struct FileCatalog: Catalog {
    private let catalog: SQLiteCatalog

    /// Opens a catalog, or makes it.
    ///
    /// - Parameter image: the file of a process that was killed: this catalog begins with what was in its files at that
    ///   moment, of which nobody has closed any. Nil opens the file of `path` as it is.
    init(path: String, imageOf image: String?) throws {
        if let image {
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: image + suffix) {
                try FileManager.default.copyItem(atPath: image + suffix, toPath: path + suffix)
            }
        }
        catalog = try Self.await { () async throws(CatalogError) in try await SQLiteCatalog.open(path: path) }
    }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        try Self.await { () async throws(CatalogError) in try await catalog.get(key) }
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        try Self.await { () async throws(CatalogError) in
            try await catalog.list(prefix: prefix, after: after, limit: limit)
        }
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        try Self.await { () async throws(CatalogError) in try await catalog.commit(changes) }
    }

    /// Checks the file's structure and every entry.
    func verify() throws(CatalogError) {
        try Self.await { () async throws(CatalogError) in try await catalog.verify() }
    }

    private final class Answer<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, CatalogError>?>(nil)
    }

    private static func await<Value: Sendable>(
        _ call: @escaping @Sendable () async throws(CatalogError) -> Value
    ) throws(CatalogError) -> Value {
        let answer = Answer<Value>()
        let isThere = DispatchSemaphore(value: 0)
        // The next line waits for it; it runs on the threads that all tasks share, which the simulation's is none of.
        Task {
            let result: Result<Value, CatalogError>
            do throws(CatalogError) {
                result = .success(try await call())
            } catch {
                result = .failure(error)
            }
            answer.result.withLock { $0 = result }
            isThere.signal()
        }
        isThere.wait()
        guard let result = answer.result.withLock({ $0 }) else { throw CatalogError(.unavailable, "no answer") }
        return try result.get()
    }
}

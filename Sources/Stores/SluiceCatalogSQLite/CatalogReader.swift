internal import SQLite
internal import SluiceCatalog
internal import SluiceCore

/// The reading connection, on its own thread; each call sees everything committed before it.
actor CatalogReader {
    nonisolated let thread: BlockingThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// How many entries are in memory at once while everything is verified.
    private static let verifyPageSize = 500
    private static let columns = "SELECT key, value, revision, checksum FROM entry"

    private let path: String
    private var connection: SQLiteConnection?

    init(path: String, thread: BlockingThread) {
        self.path = path
        self.thread = thread
    }

    /// Needs a file that the writer has opened before.
    func open(busyTimeout: Duration) throws(CatalogError) {
        do {
            connection = try SQLiteConnection(
                path: path, mode: .readOnly, busyTimeoutMilliseconds: busyTimeout.busyMilliseconds)
        } catch {
            throw CatalogError(error)
        }
    }

    func close() {
        connection = nil
    }

    func get(_ key: CatalogKey) throws(CatalogError) -> CatalogEntry? {
        try entries("\(Self.columns) WHERE key = ?", .blob(key.bytes)).first
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) throws(CatalogError) -> [CatalogEntry] {
        precondition(limit >= 1)
        let end = SQLiteValue.blob(prefix.bytesAfterAllWithPrefix)
        let limit = SQLiteValue.integer(Int64(limit))
        if let after, after >= prefix {
            return try entries(
                "\(Self.columns) WHERE key > ? AND key < ? ORDER BY key LIMIT ?", .blob(after.bytes), end, limit)
        }
        return try entries(
            "\(Self.columns) WHERE key >= ? AND key < ? ORDER BY key LIMIT ?", .blob(prefix.bytes), end, limit)
    }

    func verify() throws(CatalogError) {
        guard let connection else { throw .closed }
        do throws(SQLiteError) {
            var finding = "ok"
            try connection.statement("PRAGMA integrity_check(1)").forEachRow { row in
                finding = row.text(0)
                return false
            }
            guard finding == "ok" else {
                throw SQLiteError(code: SQLiteError.corrupt, message: finding)
            }
        } catch {
            throw CatalogError(error)
        }
        let everything = CatalogKey("")
        var last: CatalogKey?
        repeat {
            last = try list(prefix: everything, after: last, limit: Self.verifyPageSize).last?.key
        } while last != nil
    }

    private func entries(_ sql: String, _ values: SQLiteValue...) throws(CatalogError)
        -> [CatalogEntry]
    {
        guard let connection else { throw .closed }
        var found: [CatalogEntry] = []
        var damage: CatalogError?
        do {
            try connection.statement(sql).forEachRow(values) { row in
                do throws(CatalogError) {
                    found.append(try StoredEntry.decode(row))
                    return true
                } catch {
                    damage = error
                    return false
                }
            }
        } catch {
            throw CatalogError(error)
        }
        if let damage { throw damage }
        return found
    }
}

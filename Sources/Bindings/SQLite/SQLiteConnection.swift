internal import CSQLite

/// One connection to one database file.
///
/// A connection and its statements belong to one thread at a time: SQLite is opened without its own mutex. Every call
/// may block on the disk, so they stand on a thread of their own. Needs SQLite 3.37 or newer (`STRICT` tables).
package final class SQLiteConnection {
    package enum Mode: Sendable {
        case readOnly
        /// The file is made when it is absent.
        case readWriteCreating
    }

    let handle: OpaquePointer
    private var statements: [String: SQLiteStatement] = [:]

    /// - Parameter busyTimeoutMilliseconds: how long a call waits for another connection's lock before it throws `busy`.
    package init(path: String, mode: Mode, busyTimeoutMilliseconds: Int32) throws(SQLiteError) {
        let flags =
            switch mode {
            case .readOnly: SQLITE_OPEN_READONLY
            case .readWriteCreating: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let handle = opened else {
            throw SQLiteError(code: SQLITE_NOMEM, message: "no memory for a connection to \(path)")
        }
        guard code == SQLITE_OK else {
            let message = String(cString: sqlite3_errmsg(handle))
            sqlite3_close_v2(handle)
            throw SQLiteError(code: code, message: "\(path): \(message)")
        }
        self.handle = handle
        sqlite3_busy_timeout(handle, busyTimeoutMilliseconds)
        _ = csqlite_enable_defensive(handle)
    }

    deinit {
        statements.removeAll()
        // A statement that somebody still holds keeps the handle until it is finalized: that is what _v2 is for.
        sqlite3_close_v2(handle)
    }

    /// Runs statements that need no parameters and whose rows nobody wants.
    package func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// The statement for that SQL, prepared once a connection and kept.
    package func statement(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        if let known = statements[sql] { return known }
        let statement = try SQLiteStatement(sql, on: self)
        statements[sql] = statement
        return statement
    }

    /// The integer in the first column of the first row; nil without a row.
    package func integer(_ sql: String) throws(SQLiteError) -> Int64? {
        var result: Int64?
        try statement(sql).forEachRow { row in
            result = row.integer(0)
            return false
        }
        return result
    }

    /// Whether a transaction is open; SQLite ends one by itself after some failures.
    package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func error(_ code: Int32) -> SQLiteError {
        SQLiteError(
            code: sqlite3_extended_errcode(handle) == SQLITE_OK ? code : sqlite3_extended_errcode(handle),
            message: String(cString: sqlite3_errmsg(handle)))
    }
}

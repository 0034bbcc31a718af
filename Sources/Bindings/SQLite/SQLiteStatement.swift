internal import CSQLite

/// A value on its way into a statement.
package enum SQLiteValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// A prepared statement; used again and again by its connection's thread.
package final class SQLiteStatement {
    private let handle: OpaquePointer
    /// Not owned: the connection keeps its statements, and SQLite keeps a closed handle until they are finalized.
    private unowned let connection: SQLiteConnection

    init(_ sql: String, on connection: SQLiteConnection) throws(SQLiteError) {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK else { throw connection.error(code) }
        guard let handle = prepared else {
            throw SQLiteError(code: SQLITE_MISUSE, message: "no statement in: \(sql)")
        }
        self.handle = handle
        self.connection = connection
    }

    deinit {
        sqlite3_finalize(handle)
    }

    /// Runs the statement to its end and ignores rows.
    package func run(_ values: SQLiteValue...) throws(SQLiteError) {
        try forEachRow(values) { _ in true }
    }

    /// Calls `body` with each row until it returns false. The row is valid only inside `body`.
    package func forEachRow(_ values: SQLiteValue..., body: (SQLiteRow) -> Bool) throws(SQLiteError) {
        try forEachRow(values, body: body)
    }

    /// Calls `body` with each row until it returns false. The row is valid only inside `body`.
    package func forEachRow(_ values: [SQLiteValue], body: (SQLiteRow) -> Bool) throws(SQLiteError) {
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        for (index, value) in values.enumerated() {
            let code = bind(value, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw connection.error(code) }
        }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW:
                guard body(SQLiteRow(statement: handle)) else { return }
            case SQLITE_DONE: return
            case let code: throw connection.error(code)
            }
        }
    }

    private func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(handle, index)
        case .integer(let integer): sqlite3_bind_int64(handle, index, integer)
        case .text(var text):
            text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    csqlite_bind_text(handle, index, $0.baseAddress, UInt64($0.count))
                }
            }
        case .blob(let bytes):
            bytes.withUnsafeBytes { csqlite_bind_blob(handle, index, $0.baseAddress, UInt64($0.count)) }
        }
    }
}

/// The current row of a statement that is being walked through; columns count from 0.
package struct SQLiteRow {
    let statement: OpaquePointer

    package func integer(_ column: Int32) -> Int64 {
        sqlite3_column_int64(statement, column)
    }

    package func text(_ column: Int32) -> String {
        guard let text = sqlite3_column_text(statement, column) else { return "" }
        let bytes = UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(statement, column)))
        return String(decoding: bytes, as: UTF8.self)
    }

    package func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }
}

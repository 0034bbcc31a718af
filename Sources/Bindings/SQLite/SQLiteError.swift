internal import CSQLite

/// What SQLite answered instead of doing its work, with its own codes kept.
package struct SQLiteError: Error, Sendable, CustomStringConvertible {
    /// The groups of result codes that callers treat differently (https://sqlite.org/rescode.html).
    package enum Kind: Sendable, Hashable {
        /// Another connection held the lock longer than the busy timeout.
        case busy
        /// No space on the disk.
        case full
        /// Reading, writing or syncing failed.
        case inputOutput
        /// The file is damaged or is no database.
        case corrupt
        /// The file cannot be opened or may not be written.
        case inaccessible
        /// Everything else: wrong SQL, constraints, misuse, out of memory.
        case other
    }

    /// The code for a damaged file, for those who find damage that SQLite cannot see.
    package static let corrupt: Int32 = SQLITE_CORRUPT

    package let kind: Kind
    /// SQLite's extended result code.
    package let code: Int32
    package let message: String

    package init(code: Int32, message: String) {
        self.code = code
        self.message = message
        kind =
            switch code & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            case SQLITE_FULL: .full
            case SQLITE_IOERR: .inputOutput
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
            case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .inaccessible
            default: .other
            }
    }

    package var description: String { "\(message) (SQLite code \(code))" }
}

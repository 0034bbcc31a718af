internal import SQLite
internal import SluiceCatalog

/// Applies commits inside an open transaction.
///
/// All expectations of a commit are checked before its first change, so one that conflicts has written nothing and
/// needs no savepoint.
enum EntryWriter {
    /// The outcome of each commit; throws when the transaction has to be rolled back.
    static func apply(
        _ commits: [[CatalogChange]], on connection: SQLiteConnection
    ) throws(SQLiteError) -> [Result<Void, CatalogError>] {
        guard let stored = try connection.integer("SELECT value FROM counter WHERE name = 'revision'") else {
            throw SQLiteError(code: SQLiteError.corrupt, message: "the revision counter is missing")
        }
        var revision = stored
        var outcomes: [Result<Void, CatalogError>] = []
        for changes in commits {
            if let key = try firstUnmetExpectation(in: changes, on: connection) {
                outcomes.append(.failure(CatalogError(.conflict, key: key, "the record is not as expected")))
                continue
            }
            revision += 1
            for change in changes { try apply(change, revision: revision, on: connection) }
            outcomes.append(.success(()))
        }
        if revision != stored {
            try connection.statement("UPDATE counter SET value = ? WHERE name = 'revision'").run(.integer(revision))
        }
        return outcomes
    }

    private static func firstUnmetExpectation(
        in changes: [CatalogChange], on connection: SQLiteConnection
    ) throws(SQLiteError) -> CatalogKey? {
        for change in changes {
            switch change {
            case .put(let key, _, let expectation), .delete(let key, let expectation),
                .require(let key, let expectation):
                if expectation == .anything { continue }
                let revision = try revision(of: key, on: connection)
                let holds =
                    switch expectation {
                    case .anything: true
                    case .absent: revision == nil
                    case .present: revision != nil
                    case .revision(let expected): revision == expected
                    }
                if !holds { return key }
            case .deleteAll, .deleteFirst: continue
            }
        }
        return nil
    }

    private static func revision(of key: CatalogKey, on connection: SQLiteConnection) throws(SQLiteError) -> Int64? {
        var revision: Int64?
        try connection.statement("SELECT revision FROM entry WHERE key = ?").forEachRow(.blob(key.bytes)) { row in
            revision = row.integer(0)
            return false
        }
        return revision
    }

    private static func apply(
        _ change: CatalogChange, revision: Int64, on connection: SQLiteConnection
    ) throws(SQLiteError) {
        switch change {
        case .put(let key, let value, _):
            try connection.statement(
                """
                INSERT INTO entry (key, value, revision, checksum) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
                SET value = excluded.value, revision = excluded.revision, checksum = excluded.checksum
                """
            ).run(
                .blob(key.bytes), .blob(value), .integer(revision),
                .integer(StoredEntry.checksum(key: key.bytes, value: value, revision: revision)))
        case .delete(let key, _):
            try connection.statement("DELETE FROM entry WHERE key = ?").run(.blob(key.bytes))
        case .deleteAll(let prefix):
            try connection.statement("DELETE FROM entry WHERE key >= ? AND key < ?")
                .run(.blob(prefix.bytes), .blob(prefix.bytesAfterAllWithPrefix))
        case .deleteFirst(let prefix, let entries, let bytes):
            guard let last = try lastKey(with: prefix, entries: entries, bytes: bytes, on: connection) else { return }
            try connection.statement("DELETE FROM entry WHERE key >= ? AND key <= ?")
                .run(.blob(prefix.bytes), .blob(last))
        case .require: break
        }
    }

    /// The last of the first keys with a prefix that stay within the bounds; nil when there is none.
    private static func lastKey(
        with prefix: CatalogKey, entries: Int, bytes: Int, on connection: SQLiteConnection
    ) throws(SQLiteError) -> [UInt8]? {
        var last: [UInt8]?
        var size = 0
        // The length stands in front of a value: it is not read.
        try connection.statement(
            "SELECT key, length(value) FROM entry WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
        ).forEachRow(.blob(prefix.bytes), .blob(prefix.bytesAfterAllWithPrefix), .integer(Int64(entries))) { row in
            size += Int(row.integer(1))
            guard last == nil || size <= bytes else { return false }
            last = row.blob(0)
            return true
        }
        return last
    }
}

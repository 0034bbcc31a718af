internal import SQLite
internal import SluiceCatalog

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The database file itself: who wrote it, in which version, and how it is brought up to date.
enum CatalogFile {
    /// `application_id` of the file, the bytes "Slui": https://sqlite.org/pragma.html#pragma_application_id
    static let applicationID: Int64 = 0x536C_7569

    /// The steps from an empty file to the newest version, in order; `user_version` counts those that have been taken.
    /// A step that has been released never changes.
    static let migrations: [String] = [
        """
        CREATE TABLE entry (
            key BLOB NOT NULL PRIMARY KEY,
            value BLOB NOT NULL,
            revision INTEGER NOT NULL,
            checksum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO counter (name, value) VALUES ('revision', 0);
        """
    ]

    /// A writing connection to an up-to-date file.
    static func connect(to path: String, busyTimeout: Duration) throws(CatalogError) -> SQLiteConnection {
        try makeFile(path)
        do {
            let connection = try SQLiteConnection(
                path: path, mode: .readWriteCreating, busyTimeoutMilliseconds: busyTimeout.busyMilliseconds)
            try migrate(connection, path: path)
            try connection.execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864")
            try syncFolder(of: path)
            return connection
        } catch let error as SQLiteError {
            let found = CatalogError(error)
            throw CatalogError(found.code, "\(path): \(found.message)")
        } catch let error as CatalogError {
            throw error.message.contains(path) ? error : CatalogError(error.code, "\(path): \(error.message)")
        } catch {
            throw CatalogError(.unavailable, "\(path): \(error)")
        }
    }

    /// Throws when the file is newer than this program, also when another process has made it so meanwhile.
    static func checkVersion(of connection: SQLiteConnection, path: String) throws(CatalogError) {
        let version: Int64
        do {
            version = try connection.integer("PRAGMA user_version") ?? 0
        } catch {
            throw CatalogError(error)
        }
        if version > Int64(migrations.count) {
            throw CatalogError(
                .damaged,
                "\(path) was written by a newer version of the server (format \(version); this one reads up to "
                    + "\(migrations.count)): start that version, or restore a backup")
        }
    }

    private static func migrate(_ connection: SQLiteConnection, path: String) throws {
        // Before anything is changed: is it ours, and not newer?
        let schemaSize = try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0
        let owner = try connection.integer("PRAGMA application_id") ?? 0
        if schemaSize > 0 || owner != 0, owner != applicationID {
            throw CatalogError(.damaged, "\(path) is a database of another program")
        }
        try checkVersion(of: connection, path: path)
        // Stored in the file; asking again costs nothing. The other settings hold for the connection only.
        try connection.execute("PRAGMA journal_mode = WAL")
        guard try connection.integer("PRAGMA user_version") ?? 0 < Int64(migrations.count) else { return }

        try connection.execute("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")
        do {
            // Under the lock: another process may have been faster.
            let version = Int(try connection.integer("PRAGMA user_version") ?? 0)
            for (index, step) in migrations.enumerated() where index >= version {
                try connection.execute(step)
                try connection.execute("PRAGMA user_version = \(index + 1)")
            }
            try connection.execute("PRAGMA application_id = \(applicationID)")
            try connection.execute("COMMIT")
        } catch {
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    /// Makes the file before SQLite does, because SQLite would let everybody read it; its other files follow its mode.
    private static func makeFile(_ path: String) throws(CatalogError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CatalogError(.unavailable, "\(path) cannot be opened: \(unsafe String(cString: strerror(errno)))")
        }
        close(descriptor)
    }

    /// Makes the new file's name durable.
    private static func syncFolder(of path: String) throws(CatalogError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CatalogError(.unavailable, "\(folder) cannot be opened: \(unsafe String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw CatalogError(.unavailable, "\(folder) cannot be synced: \(unsafe String(cString: strerror(errno)))")
        }
    }
}

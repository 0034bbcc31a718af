internal import SQLite
package import SluiceCatalog
internal import SluiceCore
internal import Synchronization

/// A catalog in one SQLite file: the embedded default.
///
/// Write-ahead log with `synchronous=FULL`: a commit that returns is on the disk. Commits that arrive while another is
/// being synced share the next transaction, each on its own terms: one that conflicts changes nothing and leaves the
/// others alone. Other processes may read and write the file meanwhile.
package final class SQLiteCatalog: Catalog {
    /// How many commits may wait for the writer; one more is refused as `unavailable`.
    package static let maximumWaitingCommits = 16_384
    /// How long a write waits for another process's transaction before it fails as `unavailable`.
    package static let defaultBusyTimeout = Duration.seconds(5)

    private let writer: CatalogWriter
    private let reader: CatalogReader
    private let waiting = CommitQueue(limit: maximumWaitingCommits)

    private init(writer: CatalogWriter, reader: CatalogReader) {
        self.writer = writer
        self.reader = reader
    }

    /// Opens the catalog, makes it when absent (readable by the owner only), and brings an older file up to date.
    ///
    /// - Parameters:
    ///   - path: the database file; two more files beside it carry its name with `-wal` and `-shm`.
    ///   - busyTimeout: how long to wait for other processes, from 0 to about 24 days.
    /// - Throws: `damaged` when the file is no catalog, is damaged or was written by a newer version; `unavailable` when
    ///   it cannot be opened or written.
    package static func open(path: String, busyTimeout: Duration = defaultBusyTimeout)
        async throws(CatalogError) -> SQLiteCatalog
    {
        let writer = CatalogWriter(path: path, thread: try startThread(named: "catalog-writer"))
        let reader = CatalogReader(path: path, thread: try startThread(named: "catalog-reader"))
        let catalog = SQLiteCatalog(writer: writer, reader: reader)
        try await writer.open(busyTimeout: busyTimeout)
        try await reader.open(busyTimeout: busyTimeout)
        return catalog
    }

    private static func startThread(named name: String) throws(CatalogError) -> BlockingThread {
        do {
            return try BlockingThread(named: name)
        } catch {
            throw CatalogError(.unavailable, "\(error)")
        }
    }

    package func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        try await reader.get(key)
    }

    package func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        try await reader.list(prefix: prefix, after: after, limit: limit)
    }

    package func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        if changes.isEmpty { return }
        let commit = WaitingCommit(changes)
        // Whoever finds the queue empty brings the writer to it; all who come until the writer is free ride along.
        if try waiting.append(commit) { await writer.write(waiting) }
        try await commit.outcome()
    }

    /// Reads the whole file and checks its structure and every entry; for operators, not for each start.
    ///
    /// - Throws: `damaged`, with the first thing found.
    package func verify() async throws(CatalogError) {
        try await reader.verify()
    }

    /// Ends the connections once what has been handed in is done; later calls fail as `unavailable`.
    package func close() async {
        // The writer last: only it may fold the write-ahead log into the file.
        await reader.close()
        await writer.close()
    }
}

internal import SQLite
internal import SluiceCatalog
internal import SluiceCore

/// The one writing connection, on its own thread.
actor CatalogWriter {
    nonisolated let thread: BlockingThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    private let path: String
    private var connection: SQLiteConnection?

    init(path: String, thread: BlockingThread) {
        self.path = path
        self.thread = thread
    }

    func open(busyTimeout: Duration) throws(CatalogError) {
        connection = try CatalogFile.connect(to: path, busyTimeout: busyTimeout)
    }

    func close() {
        connection = nil
    }

    /// Writes everything that waits now, in one transaction if possible, and finishes each commit.
    func write(_ queue: CommitQueue) {
        let commits = queue.takeAll()
        guard let connection else {
            for commit in commits { commit.finish(.failure(.closed)) }
            return
        }
        do throws(TransactionFailure) {
            for (commit, outcome) in zip(commits, try transact(commits, on: connection)) { commit.finish(outcome) }
        } catch  where error.isOfOneCommit && commits.count > 1 {
            // Nothing of the group is written. One commit has failed it for all, by its size for instance: each gets its
            // own transaction now.
            for commit in commits { commit.finish(writeAlone(commit, on: connection)) }
        } catch {
            for commit in commits { commit.finish(.failure(error.error)) }
        }
    }

    private func writeAlone(_ commit: WaitingCommit, on connection: SQLiteConnection) -> WaitingCommit.Outcome {
        do throws(TransactionFailure) {
            return try transact([commit], on: connection)[0]
        } catch {
            return .failure(error.error)
        }
    }

    /// One transaction over all commits in order; throws when none of them has happened, or it is unknown.
    private func transact(
        _ commits: [WaitingCommit], on connection: SQLiteConnection
    ) throws(TransactionFailure) -> [WaitingCommit.Outcome] {
        do throws(TransactionFailure) {
            do throws(SQLiteError) {
                try connection.statement("BEGIN IMMEDIATE").run()
            } catch {
                throw TransactionFailure(CatalogError(error))
            }
            do throws(CatalogError) {
                try CatalogFile.checkVersion(of: connection, path: path)
            } catch {
                throw TransactionFailure(error)
            }
            let outcomes: [WaitingCommit.Outcome]
            do throws(SQLiteError) {
                outcomes = try EntryWriter.apply(commits.map(\.changes), on: connection)
            } catch {
                throw TransactionFailure(CatalogError(error), isOfOneCommit: error.kind == .other)
            }
            do throws(SQLiteError) {
                try connection.statement("COMMIT").run()
            } catch {
                // After a failed sync the pages may still reach the disk whole.
                throw TransactionFailure(
                    error.kind == .inputOutput
                        ? CatalogError(.outcomeUnknown, "the catalog's disk failed during a commit: \(error)")
                        : CatalogError(error))
            }
            return outcomes
        } catch {
            // A rollback that fails leaves the transaction open; the next BEGIN reports it.
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            throw error
        }
    }
}

/// Why a transaction over several commits has not happened.
private struct TransactionFailure: Error {
    let error: CatalogError
    /// Whether the others may succeed without the one that failed.
    let isOfOneCommit: Bool

    init(_ error: CatalogError, isOfOneCommit: Bool = false) {
        self.error = error
        self.isOfOneCommit = isOfOneCommit
    }
}

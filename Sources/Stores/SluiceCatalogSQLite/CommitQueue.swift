internal import SluiceCatalog
internal import Synchronization

/// The commits that wait for the writer, in order of arrival.
final class CommitQueue: Sendable {
    private let limit: Int
    private let commits = Mutex<[WaitingCommit]>([])

    init(limit: Int) {
        self.limit = limit
    }

    /// Adds a commit; true when the queue was empty, so that the caller has to bring the writer.
    func append(_ commit: WaitingCommit) throws(CatalogError) -> Bool {
        let position = commits.withLock { commits -> Int? in
            guard commits.count < limit else { return nil }
            commits.append(commit)
            return commits.count
        }
        guard let position else {
            throw CatalogError(.unavailable, "\(limit) commits already wait for the catalog")
        }
        return position == 1
    }

    /// Takes everything; who comes next brings the writer again.
    func takeAll() -> [WaitingCommit] {
        commits.withLock { commits in
            defer { commits.removeAll(keepingCapacity: true) }
            return commits
        }
    }
}

/// One commit on its way through the writer, and the place where its caller waits.
final class WaitingCommit: Sendable {
    typealias Outcome = Result<Void, CatalogError>

    private enum State {
        case running
        case awaited(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    let changes: [CatalogChange]
    private let state = Mutex(State.running)

    init(_ changes: [CatalogChange]) {
        self.changes = changes
    }

    /// Called once by the writer.
    func finish(_ outcome: Outcome) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            defer { state = .finished(outcome) }
            if case .awaited(let waiter) = state { return waiter }
            return nil
        }
        waiter?.resume(returning: outcome)
    }

    /// Called once by whoever made the commit. Not cancellable: what has been handed in happens.
    func outcome() async throws(CatalogError) {
        let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
            let known = state.withLock { state -> Outcome? in
                if case .finished(let outcome) = state { return outcome }
                state = .awaited(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
        try outcome.get()
    }
}

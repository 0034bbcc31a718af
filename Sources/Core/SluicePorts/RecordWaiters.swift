package import SluiceCore
internal import Synchronization

/// The tasks that wait for a partition to change; every backend of `RecordLog` keeps one.
///
/// Nothing runs while they wait. The lock in here may be held while a check takes the backend's own lock, never the
/// other way round: wake after releasing the backend's lock.
package final class RecordWaiters: Sendable {
    private struct State {
        var waiting: [PartitionID: [Int: CheckedContinuation<Void, Never>]] = [:]
        var cancelled: Set<Int> = []
        var lastTicket = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Returns when `isDone` says true or throws; it is asked at once and after every `wake` of the partition.
    ///
    /// Throws `cancelled` when the task is cancelled.
    package func wait(
        for partition: PartitionID, until isDone: () throws(RecordLogError) -> Bool
    ) async throws(RecordLogError) {
        while true {
            if Task.isCancelled { throw RecordLogError(.cancelled, "the wait for \(partition) was cancelled") }
            if try isDone() { return }
            let ticket = state.withLock { state in
                state.lastTicket += 1
                return state.lastTicket
            }
            try await waitForWake(of: partition, ticket: ticket, unless: isDone)
        }
    }

    private func waitForWake(
        of partition: PartitionID, ticket: Int, unless isDone: () throws(RecordLogError) -> Bool
    ) async throws(RecordLogError) {
        var failure: RecordLogError?
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                // The check stands under the lock that `wake` takes after a change: no change slips between them.
                let goesOn: Bool = state.withLock { state in
                    if state.cancelled.remove(ticket) != nil { return true }
                    do throws(RecordLogError) {
                        if try isDone() { return true }
                    } catch {
                        failure = error
                        return true
                    }
                    state.waiting[partition, default: [:]][ticket] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
                if let found = state.waiting[partition]?.removeValue(forKey: ticket) {
                    if state.waiting[partition]?.isEmpty == true { state.waiting[partition] = nil }
                    return found
                }
                state.cancelled.insert(ticket)
                return nil
            }
            waiter?.resume()
        }
        // A cancellation that came after the wake has left its mark; nobody will look for it again.
        state.withLock { _ = $0.cancelled.remove(ticket) }
        if let failure { throw failure }
    }

    /// Asks the waiters of these partitions again, after their numbers have moved or they are gone.
    package func wake(_ partitions: some Sequence<PartitionID>) {
        let woken: [CheckedContinuation<Void, Never>] = state.withLock { state in
            guard !state.waiting.isEmpty else { return [] }
            var woken: [CheckedContinuation<Void, Never>] = []
            for partition in partitions {
                if let waiters = state.waiting.removeValue(forKey: partition) { woken += Self.inOrder(waiters) }
            }
            return woken
        }
        for waiter in woken { waiter.resume() }
    }

    /// Who came first goes on first.
    private static func inOrder(
        _ waiters: [Int: CheckedContinuation<Void, Never>]
    ) -> [CheckedContinuation<Void, Never>] {
        waiters.count == 1 ? Array(waiters.values) : waiters.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Asks every waiter again, for a log that shuts down.
    package func wakeAll() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting
        }
        for waiters in waiting.sorted(by: { $0.key < $1.key }).map(\.value) {
            for waiter in Self.inOrder(waiters) { waiter.resume() }
        }
    }

    /// How many tasks wait now, so that a test can tell when the code under test has come to rest.
    package var count: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }
}

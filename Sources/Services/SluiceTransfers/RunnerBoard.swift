internal import SluiceCore
internal import Synchronization

/// What the service runs in the background.
enum TransferJob: Hashable, Sendable {
    case task(TransferTaskID)
    /// Ends the tasks of a stream when the stream is deleted.
    case watch(StreamID)
}

/// Which jobs run now: operations launch and halt them, the service's own loop carries them out.
///
/// Jobs: at most the tasks plus the streams with tasks.
final class RunnerBoard: Sendable {
    final class Entry: Sendable {
        let job: TransferJob
        let stop = Signal()
        let finished = Signal()
        /// Rings when parked records of the task have been marked for replay.
        let bell = Bell()
        private let claimed = Mutex<Int64?>(nil)

        init(job: TransferJob) {
            self.job = job
        }

        /// The revision at which the runner has claimed the task; nil before the first claim.
        var claim: Int64? { claimed.withLock { $0 } }

        func note(claim revision: Int64) {
            claimed.withLock { $0 = revision }
        }
    }

    private struct State {
        var entries: [TransferJob: Entry] = [:]
        var queue: [Entry] = []
        var carrier: CheckedContinuation<Void, Never>?
        var isOpen = false
    }

    private let state = Mutex(State())

    /// The number of jobs that run or wait to run.
    var count: Int { state.withLock(\.entries.count) }

    /// Makes a job run, unless it does or the service does not.
    func launch(_ job: TransferJob) {
        let carrier: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.isOpen, state.entries[job] == nil else { return nil }
            let entry = Entry(job: job)
            state.entries[job] = entry
            state.queue.append(entry)
            defer { state.carrier = nil }
            return state.carrier
        }
        carrier?.resume()
    }

    /// Has a task's runner look for marked records; false when none runs here, or when it has lost the task to another
    /// process. One that has yet to claim the task looks then.
    ///
    /// - Parameter revision: of the task's present claim.
    func ring(_ job: TransferJob, ownedAt revision: Int64?) -> Bool {
        guard let entry = state.withLock({ $0.entries[job] }) else { return false }
        if let claim = entry.claim, claim != revision { return false }
        entry.bell.ring()
        return true
    }

    /// Ends a job and returns when it has ended.
    func halt(_ job: TransferJob) async {
        let entry: Entry? = state.withLock { state in
            guard let entry = state.entries[job] else { return nil }
            if let index = state.queue.firstIndex(where: { $0 === entry }) {
                state.queue.remove(at: index)
                state.entries[job] = nil
                return nil
            }
            return entry
        }
        guard let entry else { return }
        entry.stop.fire()
        await entry.finished.waitRegardlessOfCancellation()
    }

    /// The next job to carry out; nil when the task is cancelled.
    func next() async -> Entry? {
        while !Task.isCancelled {
            if let entry = state.withLock({ $0.queue.isEmpty ? nil : $0.queue.removeFirst() }) { return entry }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if !state.queue.isEmpty || Task.isCancelled { return true }
                        state.carrier = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                let carrier = state.withLock { state in
                    defer { state.carrier = nil }
                    return state.carrier
                }
                carrier?.resume()
            }
        }
        return nil
    }

    func finish(_ entry: Entry) {
        state.withLock { state in
            if state.entries[entry.job] === entry { state.entries[entry.job] = nil }
        }
        entry.finished.fire()
    }

    /// Lets jobs be launched.
    func open() {
        state.withLock { $0.isOpen = true }
    }

    /// Lets no more jobs be launched and forgets those that have not begun.
    func close() {
        state.withLock { state in
            state.isOpen = false
            for entry in state.queue { state.entries[entry.job] = nil }
            state.queue = []
        }
    }
}

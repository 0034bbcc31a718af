internal import Synchronization

/// An event that happens once; whoever waits for it, before or after, goes on.
package final class Signal: Sendable {
    private struct State {
        var isFired = false
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var count = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var isFired: Bool { state.withLock(\.isFired) }

    package func fire() {
        let waiters = state.withLock { state in
            state.isFired = true
            defer { state.waiters = [:] }
            return state.waiters.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the event has happened or the task is cancelled.
    package func wait() async {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isFired || Task.isCancelled { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }

    /// Returns when the event has happened, also in a cancelled task: for events that are sure to come.
    package func waitRegardlessOfCancellation() async {
        await withCheckedContinuation { continuation in
            let isFired = state.withLock { state in
                if state.isFired { return true }
                state.count += 1
                state.waiters[state.count] = continuation
                return false
            }
            if isFired { continuation.resume() }
        }
    }
}

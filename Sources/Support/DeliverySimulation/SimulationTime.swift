package import SluiceCore
internal import Synchronization

/// A clock that jumps from sleeper to sleeper.
package final class SimulationTime: TimeSource {
    private struct State {
        var elapsed: Duration = .zero
        var sleepers: [Int: (deadline: Duration, continuation: CheckedContinuation<Bool, Never>)] = [:]
        var count = 0
    }

    private let state = Mutex(State())

    package init() {}

    package func now() -> Timestamp { Timestamp(milliseconds: 1_760_000_000_000) + elapsed() }
    package func elapsed() -> Duration { state.withLock(\.elapsed) }

    package func sleep(for duration: Duration) async throws {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    state.sleepers[number] = (state.elapsed + max(duration, .zero), continuation)
                    return false
                }
                if isCancelled { continuation.resume(returning: false) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: number) }?.continuation.resume(returning: false)
        }
        guard isOver else { throw CancellationError() }
    }

    /// Wakes the earliest sleeper; false when nobody sleeps.
    package func advanceToNext() -> Bool {
        let woken: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard let next = state.sleepers.min(by: { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) })
            else {
                return nil
            }
            state.elapsed = max(state.elapsed, next.value.deadline)
            return state.sleepers.removeValue(forKey: next.key)?.continuation
        }
        woken?.resume(returning: true)
        return woken != nil
    }
}

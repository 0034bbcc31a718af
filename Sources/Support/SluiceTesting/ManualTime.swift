package import SluiceCore
internal import Synchronization

/// A clock that moves only when told to; sleepers wake in the order of their deadlines.
package final class ManualTime: TimeSource {
    private struct Sleeper {
        let deadline: Duration
        let order: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var wall: Timestamp
        var elapsed: Duration = .zero
        var sleepers: [Sleeper] = []
        var cancelled: Set<Int> = []
        var count = 0
    }

    private let state: Mutex<State>

    package init(startingAt wall: Timestamp = Timestamp(milliseconds: 1_760_000_000_000)) {
        state = Mutex(State(wall: wall))
    }

    package func now() -> Timestamp { state.withLock(\.wall) }
    package func elapsed() -> Duration { state.withLock(\.elapsed) }

    /// How many tasks sleep now, so that a test can wait until the code under test has come to rest.
    package var sleeperCount: Int { state.withLock(\.sleepers.count) }

    package func sleep(for duration: Duration) async throws {
        let order = state.withLock { state in
            state.count += 1
            return state.count
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let resumed: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(order) != nil || Task.isCancelled { return .failure(CancellationError()) }
                    if duration <= .zero { return .success(()) }
                    state.sleepers.append(
                        Sleeper(deadline: state.elapsed + duration, order: order, continuation: continuation))
                    return nil
                }
                if let resumed { continuation.resume(with: resumed) }
            }
        } onCancel: {
            let sleeper: Sleeper? = state.withLock { state in
                guard let index = state.sleepers.firstIndex(where: { $0.order == order }) else {
                    state.cancelled.insert(order)
                    return nil
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves both clocks on and wakes whoever's time has come.
    package func advance(by duration: Duration) {
        let due: [Sleeper] = state.withLock { state in
            state.elapsed += duration
            state.wall = state.wall + duration
            let due = state.sleepers.filter { $0.deadline <= state.elapsed }
            state.sleepers.removeAll { $0.deadline <= state.elapsed }
            return due.sorted { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}

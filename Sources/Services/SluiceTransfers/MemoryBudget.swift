internal import Synchronization

/// Memory that many tasks share: whoever wants more than is free waits, in the order of asking.
///
/// A share larger than the whole budget counts as the whole, so that nobody waits for ever.
final class MemoryBudget: Sendable {
    private struct Waiter {
        let number: Int
        let bytes: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var waiters: [Waiter] = []
        var count = 0
    }

    let total: Int
    private let state: Mutex<State>

    init(total: Int) {
        self.total = total
        state = Mutex(State(free: total))
    }

    var used: Int { total - state.withLock(\.free) }

    /// Runs `body` while holding `bytes` of the budget. Throws `CancellationError` when cancelled while waiting.
    func withShare<Result>(of bytes: Int, _ body: () async throws -> Result) async throws -> Result {
        let share = min(max(bytes, 0), total)
        try await take(share)
        defer { give(share) }
        return try await body()
    }

    private func take(_ bytes: Int) async throws {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let isTaken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.waiters.isEmpty, state.free >= bytes {
                        state.free -= bytes
                        return true
                    }
                    state.waiters.append(Waiter(number: number, bytes: bytes, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: false)
            serve()
        }
        guard isTaken else { throw CancellationError() }
    }

    private func give(_ bytes: Int) {
        state.withLock { $0.free += bytes }
        serve()
    }

    private func serve() {
        let served: [Waiter] = state.withLock { state in
            var served: [Waiter] = []
            while let first = state.waiters.first, first.bytes <= state.free {
                state.free -= first.bytes
                served.append(state.waiters.removeFirst())
            }
            return served
        }
        for waiter in served { waiter.continuation.resume(returning: true) }
    }
}

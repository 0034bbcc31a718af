internal import SluiceCore
internal import Synchronization

/// Tells a running task that parked records have been marked for replay, so that nobody has to begin it anew.
final class ReplayBell: Sendable {
    private struct State {
        var next = Signal()
        var claim: Int64?
    }

    private let state = Mutex(State())

    /// Fires when the bell rings the next time. Whoever takes it before looking for marks misses none.
    var next: Signal { state.withLock(\.next) }

    /// The revision at which the runner has claimed the task; nil before the first claim.
    var claim: Int64? { state.withLock(\.claim) }

    func note(claim revision: Int64) {
        state.withLock { $0.claim = revision }
    }

    func ring() {
        let waiting = state.withLock { state in
            defer { state.next = Signal() }
            return state.next
        }
        waiting.fire()
    }
}

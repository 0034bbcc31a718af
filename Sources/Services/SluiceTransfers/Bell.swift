internal import SluiceCore
internal import Synchronization

/// Tells whoever looks after something in the background that there is something to do.
final class Bell: Sendable {
    private let signal = Mutex(Signal())

    /// Fires when the bell rings the next time. Whoever takes it before looking for work misses none.
    var next: Signal { signal.withLock { $0 } }

    func ring() {
        let waiting = signal.withLock { signal in
            defer { signal = Signal() }
            return signal
        }
        waiting.fire()
    }
}

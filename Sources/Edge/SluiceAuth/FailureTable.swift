internal import SluiceCore
internal import Synchronization

/// How often each address failed lately: a bounded table with one window for each address.
final class FailureTable: Sendable {
    private struct Window {
        var end: Timestamp
        var failures: Int
    }

    private let windows = Mutex<[String: Window]>([:])
    private let limit: Int
    private let length: Duration
    private let capacity: Int

    /// - Parameters:
    ///   - limit: failures in a window before the address counts as blocked until the window's end.
    ///   - length: of a window, from its first failure on.
    ///   - capacity: addresses remembered; a full table forgets finished windows, then the address with fewest failures.
    init(limit: Int, length: Duration = .seconds(60), capacity: Int = 4096) {
        self.limit = limit
        self.length = length
        self.capacity = capacity
    }

    func isBlocked(_ address: String, now: Timestamp) -> Bool {
        windows.withLock { windows in
            guard let window = windows[address] else { return false }
            return window.failures >= limit && now < window.end
        }
    }

    func recordFailure(_ address: String, now: Timestamp) {
        windows.withLock { windows in
            if var window = windows[address], now < window.end {
                window.failures += 1
                windows[address] = window
                return
            }
            if windows.count >= capacity, windows[address] == nil {
                windows = windows.filter { now < $0.value.end }
                if windows.count >= capacity, let least = windows.min(by: { $0.value.failures < $1.value.failures }) {
                    windows[least.key] = nil
                }
            }
            windows[address] = Window(end: now + length, failures: 1)
        }
    }
}

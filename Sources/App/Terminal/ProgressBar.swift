internal import SluiceCore
internal import Synchronization

/// Shows on the error stream how far a transfer has come; silent when that is no terminal.
package final class ProgressBar: Sendable {
    /// The bar is drawn again at most that often.
    private static let interval = Duration.milliseconds(100)

    private struct State {
        var done = 0
        var drawnAt: Duration?
    }

    private let console: Console
    private let total: Int?
    private let started: Duration
    private let state = Mutex(State())

    /// - Parameter total: in bytes; nil when unknown.
    package init(total: Int?, on console: Console) {
        self.total = total
        self.console = console
        started = console.time.elapsed()
    }

    /// More bytes are done.
    package func advance(by bytes: Int) async {
        guard console.errorsIsTerminal else { return }
        let now = console.time.elapsed()
        let done: Int? = state.withLock { state in
            state.done += bytes
            if let drawnAt = state.drawnAt, now - drawnAt < Self.interval { return nil }
            state.drawnAt = now
            return state.done
        }
        guard let done else { return }
        let line = Self.line(done: done, total: total, elapsed: now - started, width: console.width)
        await show("\r" + line)
    }

    /// Takes the bar away.
    package func finish() async {
        guard console.errorsIsTerminal, state.withLock({ $0.drawnAt != nil }) else { return }
        await show("\r\u{1B}[K")
    }

    private func show(_ text: String) async {
        // Without its terminal the bar has nobody to serve; the transfer goes on.
        try? await console.errors.write(Array(text.utf8))
        try? await console.errors.flush()
    }

    /// One line of `width` - 1 columns: bar, share, bytes, rate and the time left.
    package static func line(done: Int, total: Int?, elapsed: Duration, width: Int) -> String {
        var facts = HumanText.bytes(done)
        var share = 0.0
        if let total, total > 0 {
            share = min(1, Double(done) / Double(total))
            facts += " of \(HumanText.bytes(total))"
        }
        let rate = HumanText.rate(done, per: elapsed)
        if !rate.isEmpty { facts += ", " + rate }
        if let total, done > 0, done < total {
            let left = elapsed.inSeconds * Double(total - done) / Double(done)
            facts += ", " + HumanText.duration(.seconds(min(left, 1e9))) + " left"
        }
        guard let total, total > 0 else { return fitted(facts, width - 1) }
        let percent = "\(Int(share * 100))%"
        let columns = min(30, width - 1 - facts.count - percent.count - 5)
        guard columns >= 5 else { return fitted("\(percent) \(facts)", width - 1) }
        let filled = Int(share * Double(columns))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: columns - filled)
        return fitted("[\(bar)] \(percent) \(facts)", width - 1)
    }

    /// Cut or filled up, so that nothing of a longer line before stays.
    private static func fitted(_ text: String, _ width: Int) -> String {
        String(text.prefix(max(0, width))).padded(to: max(0, width))
    }
}

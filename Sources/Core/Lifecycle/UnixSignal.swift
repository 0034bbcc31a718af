internal import SluiceCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A signal that asks a server to end.
package enum UnixSignal: Sendable, Hashable, CaseIterable {
    /// SIGTERM: from a supervisor.
    case terminate
    /// SIGINT: Ctrl-C.
    case interrupt

    package var name: String {
        switch self {
        case .terminate: "SIGTERM"
        case .interrupt: "SIGINT"
        }
    }

    package var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        }
    }
}

/// Turns signals of the process into values.
package enum UnixSignals {
    /// Signals that nobody has taken yet; more than these are one and the same message.
    static let waitingLimit = 8

    /// The write end of the pipe between the handler and its thread; -1 before.
    fileprivate static let writeEnd = Atomic<Int32>(-1)

    /// From now on the process survives these signals, and they come out of the stream. For the whole life of the process,
    /// and once only.
    ///
    /// A handler may do next to nothing, so it writes the number into a pipe; a thread of its own reads it there.
    package static func trap(_ signals: [UnixSignal] = UnixSignal.allCases) throws(LifecycleError)
        -> AsyncStream<UnixSignal>
    {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0,
            fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0
        else { throw failure("pipe") }
        guard writeEnd.compareExchange(expected: -1, desired: ends[1], ordering: .releasing).exchanged else {
            close(ends[0])
            close(ends[1])
            throw LifecycleError(.signalsUnavailable, "signals are trapped already")
        }
        let (stream, continuation) = AsyncStream.makeStream(
            of: UnixSignal.self, bufferingPolicy: .bufferingOldest(waitingLimit))
        let reader = SignalReader(descriptor: ends[0], continuation: continuation)
        do throws(ThreadError) {
            try OwnThread.start(named: "signals") { reader.run() }
        } catch {
            throw LifecycleError(.signalsUnavailable, "\(error)")
        }
        for signal in signals {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = noteSignal
            action.sa_flags = SA_RESTART
            guard unsafe sigaction(signal.number, &action, nil) == 0 else { throw failure(signal.name) }
        }
        return stream
    }

    private static func failure(_ what: String) -> LifecycleError {
        LifecycleError(.signalsUnavailable, "\(what): \(unsafe String(cString: strerror(errno)))")
    }
}

/// Runs inside the handler: only what signal-safety(7) allows.
private func noteSignal(_ number: Int32) {
    let saved = errno
    var byte = UInt8(truncatingIfNeeded: number)
    // A full pipe holds this message many times already.
    _ = unsafe write(UnixSignals.writeEnd.load(ordering: .acquiring), &byte, 1)
    errno = saved
}

private final class SignalReader: Sendable {
    private let descriptor: Int32
    private let continuation: AsyncStream<UnixSignal>.Continuation

    init(descriptor: Int32, continuation: AsyncStream<UnixSignal>.Continuation) {
        self.descriptor = descriptor
        self.continuation = continuation
    }

    func run() {
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return continuation.finish() }
            if let signal = UnixSignal.allCases.first(where: { $0.number == Int32(byte) }) {
                continuation.yield(signal)
            }
        }
    }
}

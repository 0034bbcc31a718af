/// Something that lives as long as the server: a listener, a scheduler, a janitor.
///
/// The shape of swift-service-lifecycle. `run()` returns when the service has finished, after graceful shutdown was asked
/// for or its task was cancelled, never earlier. Graceful: accept no more, finish what is in hand, record the position.
/// Cancelled: stop now, and be correct after a restart.
package protocol Service: Sendable {
    func run() async throws
}

/// Why the life cycle could not go on.
package struct LifecycleError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// A service has returned although nobody asked for it.
        case serviceEnded
        /// Services had to be cancelled because they did not stop in time, or by a second signal.
        case cancelled
        /// The data directory belongs to another running server.
        case directoryInUse
        /// A folder or file of the data directory cannot be made or opened.
        case directoryInaccessible
        /// The system refuses to deliver signals.
        case signalsUnavailable
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

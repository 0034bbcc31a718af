package import Observability
package import SluiceCore
internal import Synchronization

/// Runs services side by side until one ends or a signal comes, then ends them in the reverse of their order.
///
/// Dependencies come first, the HTTP server last: so it is the first to stop, and everything that it uses is there until
/// it has. The first signal, or the end of any service, starts the graceful shutdown: each service is asked when the ones
/// after it have finished. A second signal, or the deadline, cancels whatever still runs.
package struct ServiceGroup: Sendable {
    /// A service with the name that logs call it by.
    package struct Member: Sendable {
        package let name: String
        package let service: any Service

        package init(_ name: String, _ service: any Service) {
            self.name = name
            self.service = service
        }
    }

    private enum Event: Sendable {
        case finished(index: Int, failure: (any Error)?)
        case signal(UnixSignal)
        case requested
        case deadline
        /// A waiter that was cancelled.
        case nothing
    }

    private let members: [Member]
    private let signals: AsyncStream<UnixSignal>?
    private let shutdownDeadline: Duration
    private let time: any TimeSource
    private let logger: Logger
    private let wholeGroup = GracefulShutdown()

    /// - Parameters:
    ///   - members: in the order of their start.
    ///   - signals: those of `UnixSignals.trap`; none when somebody else ends the group.
    ///   - shutdownDeadline: from the beginning of the shutdown until services are cancelled.
    package init(
        _ members: [Member], signals: AsyncStream<UnixSignal>? = nil, shutdownDeadline: Duration = .seconds(30),
        time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.members = members
        self.signals = signals
        self.shutdownDeadline = shutdownDeadline
        self.time = time
        self.logger = logger
    }

    /// Begins the graceful shutdown, as a signal does.
    package func requestGracefulShutdown() {
        wholeGroup.request()
    }

    /// Returns when all services have ended after a request or one signal.
    ///
    /// - Throws: the first error that a service has thrown; `serviceEnded` when one has returned by itself; `cancelled` when
    ///   services had to be cancelled; `CancellationError` when the task was.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Event.self) { group in
            var shutdown = ShutdownOrder(count: members.count)
            let requests = members.map { _ in GracefulShutdown() }
            for (index, member) in members.enumerated() {
                group.addTask { await Self.run(member, index, requests[index]) }
            }
            addSignalWaiter(to: &group)
            addRequestWaiter(to: &group)

            var failure: (any Error)?
            var hasDeadline = false
            while !shutdown.isFinished, let event = try await group.next() {
                switch event {
                case .finished(let index, let error):
                    let wasAsked = shutdown.isRequested || Task.isCancelled
                    shutdown.finish(index)
                    if let error, failure == nil, !(wasAsked && error is CancellationError) {
                        logger.error("service failed", ["service": members[index].name, "error": "\(error)"])
                        failure = error
                    } else if error == nil, !wasAsked {
                        logger.error("service ended by itself", ["service": members[index].name])
                        failure = LifecycleError(
                            .serviceEnded, "the service \(members[index].name) has ended by itself")
                    } else {
                        logger.debug("service ended", ["service": members[index].name])
                    }
                case .signal(let signal):
                    if shutdown.isRequested {
                        logger.warning("second signal, services are cancelled", ["signal": signal.name])
                        failure = failure ?? LifecycleError(.cancelled, "cancelled by a second signal, \(signal.name)")
                        group.cancelAll()
                    } else {
                        logger.info("shutting down", ["signal": signal.name])
                        addSignalWaiter(to: &group)
                    }
                case .requested: break
                case .deadline:
                    logger.warning("services did not stop in time and are cancelled")
                    failure =
                        failure ?? LifecycleError(.cancelled, "services did not stop within \(shutdownDeadline)")
                    group.cancelAll()
                case .nothing: continue
                }
                if !hasDeadline {
                    hasDeadline = true
                    addDeadline(to: &group)
                }
                if let next = shutdown.next() {
                    logger.debug("stopping service", ["service": members[next].name])
                    requests[next].request()
                }
            }
            group.cancelAll()
            if let failure { throw failure }
            try Task.checkCancellation()
        }
    }

    private static func run(_ member: Member, _ index: Int, _ request: GracefulShutdown) async -> Event {
        await GracefulShutdown.$current.withValue(request) {
            do {
                try await member.service.run()
                return .finished(index: index, failure: nil)
            } catch {
                return .finished(index: index, failure: error)
            }
        }
    }

    private func addSignalWaiter(to group: inout ThrowingTaskGroup<Event, any Error>) {
        guard let signals else { return }
        group.addTask {
            for await signal in signals { return .signal(signal) }
            return .nothing
        }
    }

    private func addRequestWaiter(to group: inout ThrowingTaskGroup<Event, any Error>) {
        let wholeGroup = wholeGroup
        group.addTask {
            await GracefulShutdown.$current.withValue(wholeGroup) {
                do {
                    try await waitForGracefulShutdown()
                    return .requested
                } catch {
                    return .nothing
                }
            }
        }
    }

    private func addDeadline(to group: inout ThrowingTaskGroup<Event, any Error>) {
        let (time, deadline) = (time, shutdownDeadline)
        group.addTask {
            do {
                try await time.sleep(for: deadline)
                return .deadline
            } catch {
                return .nothing
            }
        }
    }
}

/// Which service is to be asked next: the last of those that run, when no other has been asked and not yet ended.
private struct ShutdownOrder {
    private var running: [Int]
    private var asked: Int?
    private(set) var isRequested = false

    init(count: Int) {
        running = Array(0..<count)
    }

    var isFinished: Bool { running.isEmpty }

    mutating func finish(_ index: Int) {
        running.removeAll { $0 == index }
        if asked == index { asked = nil }
    }

    /// Begins the shutdown, or goes on with it; nil while an asked service still runs.
    mutating func next() -> Int? {
        isRequested = true
        guard asked == nil, let last = running.last else { return nil }
        asked = last
        return last
    }
}

internal import Synchronization

/// The request to one service to come to an end, and who wants to know of it.
package final class GracefulShutdown: Sendable {
    private struct State {
        var isRequested = false
        var nextID = 0
        /// Bounded by the operations that the service has running with a handler.
        var handlers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// That of the service whose task this is; nil outside a `ServiceGroup`.
    @TaskLocal package static var current: GracefulShutdown?

    package init() {}

    package var isRequested: Bool { state.withLock(\.isRequested) }

    /// Asks the service to end; calling again does nothing.
    package func request() {
        let handlers = state.withLock { state in
            state.isRequested = true
            defer { state.handlers = [:] }
            return state.handlers
        }
        for handler in handlers.sorted(by: { $0.key < $1.key }) { handler.value() }
    }

    /// Nil when the request has been made already; then the caller has to run its handler itself.
    fileprivate func add(_ handler: @escaping @Sendable () -> Void) -> Int? {
        state.withLock { state in
            if state.isRequested { return nil }
            state.nextID += 1
            state.handlers[state.nextID] = handler
            return state.nextID
        }
    }

    fileprivate func remove(_ id: Int) {
        _ = state.withLock { $0.handlers.removeValue(forKey: id) }
    }
}

/// Runs `operation`; calls `handler` once, at most, when graceful shutdown is asked for meanwhile or was before.
package func withGracefulShutdownHandler<Result>(
    isolation: isolated (any Actor)? = #isolation, operation: () async throws -> Result,
    onGracefulShutdown handler: @escaping @Sendable () -> Void
) async rethrows -> Result {
    guard let shutdown = GracefulShutdown.current else { return try await operation() }
    let id = shutdown.add(handler)
    if id == nil { handler() }
    defer { if let id { shutdown.remove(id) } }
    return try await operation()
}

/// Waits until graceful shutdown is asked for; throws `CancellationError` when the task is cancelled before.
package func waitForGracefulShutdown() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    await withGracefulShutdownHandler {
        for await _ in stream {}
    } onGracefulShutdown: {
        continuation.finish()
    }
    if GracefulShutdown.current?.isRequested != true { throw CancellationError() }
}

/// Runs `operation` and cancels it when graceful shutdown is asked for: for services that have nothing to finish.
package func cancelWhenGracefulShutdown<Result: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try? await waitForGracefulShutdown()
            return nil
        }
        defer { group.cancelAll() }
        while let first = try await group.next() {
            if let result = first { return result }
            group.cancelAll()
        }
        throw CancellationError()
    }
}

internal import HTTPServer
internal import Lifecycle
internal import SluiceAuth
internal import SluiceCatalog
internal import SluiceDestinations
internal import SluiceStreams
internal import SluiceTransfers

/// One listener: asked to stop, it takes no more and answers what is in flight.
struct ListenerService: Service {
    let server: HTTPServer
    /// How long requests in flight may take after the request to stop.
    let drain: Duration
    let pages: OperatorPages

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            pages.setReady(false)
            server.shutDown(grace: drain)
        }
    }
}

/// Follows changes of identities that other processes make.
struct IdentityService: Service {
    let identities: IdentityDirectory

    func run() async throws {
        try await untilStopped { await identities.run() }
    }
}

/// Follows changes of destinations that other processes make.
struct DestinationService: Service {
    let destinations: DestinationDirectory

    func run() async throws {
        try await untilStopped { await destinations.run() }
    }
}

/// Removes records past their retention.
struct RetentionService: Service {
    let streams: Streams

    func run() async throws {
        try await untilStopped { try await streams.runRetention() }
    }
}

/// Delivers streams. Stopped, it gives up the deliveries under way; the next start finishes them.
struct TransferService: Service {
    let tasks: TransferTasks

    func run() async throws {
        try await untilStopped { try await tasks.run() }
    }
}

/// Scales streams to their load.
struct AutoScalingService: Service {
    let streams: Streams

    func run() async throws {
        try await untilStopped { try await streams.runAutoScaling() }
    }
}

/// Runs a loop that has nothing to finish; being stopped is its ordinary end.
private func untilStopped(_ body: @Sendable @escaping () async throws -> Void) async throws {
    do {
        try await cancelWhenGracefulShutdown(body)
    } catch is CancellationError {
        return
    }
}

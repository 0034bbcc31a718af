import CHTTPServer

/// An HTTP/1.1 server, plain or with TLS, that hands requests over in batches and takes answers from any thread.
///
/// It listens as soon as it exists; clients wait in the system's queue until `run`. Several servers may run in one
/// process. One thread of its own runs all of it and calls `handler` and `refusal`.
package final class HTTPServer: Sendable {
    private let loop: ServerLoop

    /// Binds and listens. `handler` gets the requests that one round of the loop has finished; it must not block.
    package init(
        configuration: HTTPServerConfiguration, handler: @escaping @Sendable ([HTTPExchange]) -> Void
    ) throws(HTTPServerError) {
        loop = try ServerLoop(configuration: configuration, handler: handler)
    }

    /// The port it listens on.
    package var port: Int { loop.port }

    package var statistics: HTTPServerStatistics { loop.statistics }

    /// Waits until the statistics satisfy `condition`, but no longer than `limit` and not beyond the server's end; whether
    /// they do. It wakes with each change of them and blocks the calling thread, so it has no place in a task.
    package func awaitStatistics(atMost limit: Duration, _ condition: (HTTPServerStatistics) -> Bool) -> Bool {
        loop.awaitStatistics(atMost: limit, condition)
    }

    /// Serves until `shutDown` has been asked for and all connections are closed; once only. Cancelling the task closes
    /// everything at once.
    package func run() async throws(HTTPServerError) {
        try await loop.run()
    }

    /// Stops listening, closes idle connections and lets requests in flight be answered, each connection's last answer
    /// with `Connection: close`. What is still open after `grace` is cut.
    package func shutDown(grace: Duration) {
        loop.stop(grace: grace)
    }
}

/// What a server has done since it was made.
package struct HTTPServerStatistics: Sendable, Equatable {
    /// Open now.
    package let connections: Int
    package let acceptedConnections: Int
    /// Requests handed over.
    package let requests: Int
    /// Requests and connections that the server refused by itself.
    package let refused: Int
    package let bytesReceived: Int
    package let bytesSent: Int
    /// Memory of large bodies now, in use or kept for reuse, in bytes.
    package let bodyMemory: Int
    /// The highest that has been, in bytes.
    package let bodyMemoryPeak: Int

    init(_ values: ch_statistics) {
        connections = Int(clamping: values.connections)
        acceptedConnections = Int(clamping: values.accepted)
        requests = Int(clamping: values.requests)
        refused = Int(clamping: values.refused)
        bytesReceived = Int(clamping: values.bytes_in)
        bytesSent = Int(clamping: values.bytes_out)
        bodyMemory = Int(clamping: values.body_bytes)
        bodyMemoryPeak = Int(clamping: values.body_bytes_peak)
    }
}

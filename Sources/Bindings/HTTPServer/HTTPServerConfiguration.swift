package import HTTPTypes

/// Where a server listens and every bound it keeps.
package struct HTTPServerConfiguration: Sendable {
    /// A numeric IPv4 or IPv6 address, or `localhost`.
    package var host: String
    /// 0 lets the system choose; `HTTPServer.port` says which.
    package var port: Int
    /// Set for HTTPS (TLS 1.2 and later).
    package var certificate: Certificate?
    /// Request line and header fields together, in bytes; more answers 431, a longer request line 414.
    package var maxHeadBytes = 32 * 1024
    /// The body after removal of chunked framing, in bytes; more answers 413.
    package var maxBodyBytes = 12 * 1024 * 1024
    /// Memory of all bodies above 16 KiB, in bytes; what does not fit waits unread.
    package var bodyMemoryBudget = 128 * 1024 * 1024
    /// Open connections; further ones wait in the system's queue.
    package var maxConnections = 4096
    /// Open connections from one IPv4 address or IPv6 /64 network; further ones are answered 503 and closed.
    package var maxConnectionsPerAddress = 1024
    /// Requests of one connection that wait for answers; further ones stay unread.
    package var maxPipelinedRequests = 16
    /// From the first byte of a request (on a new connection from its beginning, TLS included) to the end of its head.
    package var headDeadline: Duration = .seconds(10)
    /// For the whole body, also the longest wait for memory.
    package var bodyDeadline: Duration = .seconds(60)
    /// For the whole answer, once the client does not take it at once.
    package var answerDeadline: Duration = .seconds(120)
    /// Between the end of an answer and the next request.
    package var idleDeadline: Duration = .seconds(75)
    /// While bodies wait for memory, one that holds some and sends nothing for so long is given up with 408.
    package var stallDeadline: Duration = .seconds(5)
    /// Makes the answer to a request that the server refuses by itself. Called on the server's thread.
    package var refusal: @Sendable (_ status: Int, _ reason: String) -> HTTPResponse

    /// The files of a TLS identity, both PEM.
    package struct Certificate: Sendable {
        package var chainPath: String
        package var keyPath: String

        package init(chainPath: String, keyPath: String) {
            self.chainPath = chainPath
            self.keyPath = keyPath
        }
    }

    package init(
        host: String = "127.0.0.1", port: Int = 0, certificate: Certificate? = nil,
        refusal: @escaping @Sendable (_ status: Int, _ reason: String) -> HTTPResponse
    ) {
        self.host = host
        self.port = port
        self.certificate = certificate
        self.refusal = refusal
    }
}

/// Why a server could not be made or run.
package struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// A setting is out of its range.
        case invalidConfiguration
        /// The address or the certificate cannot be used; the message says why.
        case cannotListen
        /// `run` was called twice, or the system gives no thread.
        case cannotRun
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}

extension HTTPServerConfiguration {
    func validate() throws(HTTPServerError) {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(HTTPServerError) {
            guard !range.contains(value) else { return }
            throw HTTPServerError(
                .invalidConfiguration, "\(name) is \(value), not in \(range.lowerBound)...\(range.upperBound)")
        }
        try check("port", port, 0...65535)
        try check("maxHeadBytes", maxHeadBytes, 256...(1 << 20))
        try check("maxBodyBytes", maxBodyBytes, 0...(1 << 30))
        try check("bodyMemoryBudget", bodyMemoryBudget, (1 << 16)...(1 << 40))
        try check("maxConnections", maxConnections, 1...1_000_000)
        try check("maxConnectionsPerAddress", maxConnectionsPerAddress, 1...1_000_000)
        try check("maxPipelinedRequests", maxPipelinedRequests, 1...1024)
        for (name, deadline) in [
            ("headDeadline", headDeadline), ("bodyDeadline", bodyDeadline), ("answerDeadline", answerDeadline),
            ("idleDeadline", idleDeadline), ("stallDeadline", stallDeadline),
        ] where deadline < .milliseconds(10) || deadline > .seconds(86400) {
            throw HTTPServerError(.invalidConfiguration, "\(name) is \(deadline), not in 10 ms...24 h")
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded down; 0 when negative.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(clamping: seconds).multipliedReportingOverflow(by: 1000).partialValue
            &+ UInt64(attoseconds / 1_000_000_000_000_000)
    }
}

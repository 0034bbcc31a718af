package import HTTPTypes

/// One request to be sent.
package struct CurlRequest: Sendable {
    /// Where the body's bytes come from.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Bytes made while they are sent: `next` gives a piece, nil at the end. Called by one task, one call at a
        /// time, ahead of the network by at most `CurlClient.Configuration.bufferedBytesMax`. With `length` the
        /// request carries `Content-Length` and another total fails it; without, it is chunked.
        case stream(length: Int?, next: @Sendable () async throws -> [UInt8]?)
    }

    /// `GET`, `PUT`, … sent as it stands.
    package var method: String
    /// An absolute `http:` or `https:` URL, already percent-encoded; its path is sent as it stands.
    package var url: String
    /// Sent in this order. `Host`, `Content-Length` and `Transfer-Encoding` are added when missing and needed;
    /// nothing else is.
    package var headers: HTTPFields
    package var body: Body
    package var timeouts: CurlTimeouts

    package init(
        method: String, url: String, headers: HTTPFields = HTTPFields(), body: Body = .none,
        timeouts: CurlTimeouts = CurlTimeouts()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
    }
}

/// How long a request may take.
package struct CurlTimeouts: Sendable {
    /// Until the connection stands, TLS included.
    package var connect: Duration
    /// Until the last byte of the answer; nil is no limit. Waiting for a free connection counts.
    package var total: Duration?
    /// The exchange fails when fewer than `lowSpeedBytes` a second move for that long; nil is no limit. A producer
    /// that pauses counts as slow, a consumer that pauses does not.
    package var lowSpeed: Duration?
    /// In bytes a second.
    package var lowSpeedBytes: Int

    package init(
        connect: Duration = .seconds(10), total: Duration? = .seconds(60), lowSpeed: Duration? = nil,
        lowSpeedBytes: Int = 1024
    ) {
        self.connect = connect
        self.total = total
        self.lowSpeed = lowSpeed
        self.lowSpeedBytes = lowSpeedBytes
    }
}

/// The first part of an answer, whose body is still to be read.
package struct CurlResponseHead: Sendable {
    package let status: Int
    /// In the order and spelling of the peer.
    package let headers: HTTPFields
}

/// An answer whose body is read while it arrives. Valid inside `CurlClient.withResponse` only.
package struct CurlResponseStream: Sendable {
    package let head: CurlResponseHead
    let download: DownloadChannel

    /// The next bytes, nil at the end. While nobody asks, the peer is slowed down.
    ///
    /// Throws what broke the exchange, also after some bytes were given. One task at a time may ask.
    package func next() async throws(CurlError) -> [UInt8]? {
        try await download.next()
    }
}

/// One request as it arrived: target and fields are kept letter for letter, because signatures are computed over them.
package struct HTTPRequest: Sendable {
    /// `GET`, `POST`, … as sent (case-sensitive, RFC 9110 9.1).
    package var method: String
    /// The raw request target: path and query, still percent-encoded.
    package var target: String {
        didSet { pathEnd = Self.pathEnd(of: target) }
    }
    package var headers: HTTPFields
    /// The body after removal of chunked framing, before any content decoding.
    package var body: HTTPBody
    /// The peer's address without port, for logs and limits.
    package var peer: String
    /// Whether the connection is TLS.
    package var isSecure: Bool
    /// Where the path ends: at the first `?`.
    private var pathEnd: String.Index

    package init(
        method: String, target: String, headers: HTTPFields = HTTPFields(), body: HTTPBody = HTTPBody(),
        peer: String = "", isSecure: Bool = false
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
        self.isSecure = isSecure
        pathEnd = Self.pathEnd(of: target)
    }

    private static func pathEnd(of target: String) -> String.Index {
        var text = target
        let length = text.withUTF8 { bytes in unsafe bytes.firstIndex(of: UInt8(ascii: "?")) }
        return length.map { target.utf8.index(target.startIndex, offsetBy: $0) } ?? target.endIndex
    }

    /// The raw path: the target up to the first `?`.
    package var path: Substring { target[..<pathEnd] }

    /// The raw query: what follows the first `?`, empty when there is none.
    package var query: Substring {
        pathEnd == target.endIndex ? "" : target[target.utf8.index(after: pathEnd)...]
    }
}

/// One answer. The server adds `Content-Length` (never on 204), `Date` and connection handling; all else is said here.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: HTTPFields
    package var body: [UInt8]
    /// Kept until the last byte of the body has been written or given up: what accounts for its memory.
    package var retained: (any AnyObject & Sendable)?

    package init(
        status: Int, headers: HTTPFields = HTTPFields(), body: [UInt8] = [],
        retaining retained: (any AnyObject & Sendable)? = nil
    ) {
        self.retained = retained
        self.status = status
        self.headers = headers
        self.body = body
    }
}

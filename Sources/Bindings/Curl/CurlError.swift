/// Why a request has no answer. An answer of any status is no error.
package struct CurlError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The URL, a header field or a length cannot be sent; nothing was.
        case invalidRequest
        /// No connection: the name does not resolve or nobody listens.
        case unreachable
        /// The connection, the whole exchange or the least speed took longer than the request allows.
        case timedOut
        /// The peer's certificate or the handshake was refused.
        case tls
        /// The connection broke in the middle; the peer may or may not have acted on the request.
        case connectionLost
        /// The answer's body or header is longer than the caller accepts.
        case responseTooLarge
        /// The producer of the request's body failed or gave another length than announced.
        case bodyFailed
        /// The task that waited was cancelled.
        case cancelled
        /// The client is closed, or has more requests than `CurlClient.Configuration.transfersMax`.
        case refused
        /// Anything else libcurl reports; see `curlCode`.
        case other
    }

    package let code: Code
    /// libcurl's own code (`CURLcode`), 0 when the error is not libcurl's.
    package let curlCode: Int
    package let message: String

    package init(_ code: Code, curlCode: Int = 0, _ message: String) {
        self.code = code
        self.curlCode = curlCode
        self.message = message
    }

    /// Whether the same request may succeed later. What it did the first time is for the caller to know.
    package var isRetriable: Bool {
        switch code {
        case .unreachable, .timedOut, .connectionLost: true
        case .invalidRequest, .tls, .responseTooLarge, .bodyFailed, .cancelled, .refused, .other: false
        }
    }

    /// Whether the name of the host, or of the proxy, does not resolve (`CURLE_COULDNT_RESOLVE_PROXY`, `…_HOST`).
    package var isNameUnknown: Bool { curlCode == 5 || curlCode == 6 }

    package var description: String {
        curlCode == 0 ? message : "\(message) (curl \(curlCode))"
    }
}

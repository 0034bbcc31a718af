/// Why a cryptographic operation was refused.
package struct CryptoError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The sealed bytes were changed, cut, or sealed with another key or context.
        case notAuthentic
        /// A stored text (password hash, key file, hex or base64 text) has another form than this version writes.
        case malformed
        /// A key file could not be read or written, or others may read it.
        case keyFile
        /// The parameters ask for more memory or work than the bounds allow.
        case refused
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}

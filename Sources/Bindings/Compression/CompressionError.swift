/// Why bytes could not be decompressed, or an encoder failed.
package struct CompressionError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Not of that coding, cut short, followed by other bytes, or of another length than announced.
        case damaged
        /// Longer than the caller's limit once decompressed.
        case tooLarge
        /// An LZ4 block does not say how long it is, and nobody else has said it.
        case sizeMissing
        /// The library ran out of memory or refused a parameter; not the input's fault.
        case failed
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}

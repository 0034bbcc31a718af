/// Why an operation on transfer tasks was refused or failed; nothing has changed then.
package struct TransferError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// A field is missing, out of range, of the wrong kind or contradicts another; the message names it.
        case invalidRequest
        case streamNotFound
        case taskNotFound
        case taskExists
        /// The stream has as many tasks as it may.
        case quotaExceeded
        case bucketNotFound
        /// The destination could not be reached or refused access.
        case destinationFailed
        case invalidAgency
        case invalidDataSchema
        /// The catalog does not answer; the same call may succeed later.
        case unavailable
        /// A stored record does not decode.
        case damaged
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var isRetriable: Bool { code == .unavailable }

    package var description: String { "\(code): \(message)" }
}

package import SluiceCatalog

/// Why an administrative change or the loading of identities failed.
package struct IdentityError: CatalogCausedError, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The name or value is not allowed.
        case invalid
        case notFound
        case alreadyExists
        /// One of `IdentityLimits` is reached.
        case limitReached
        /// Others changed identities all the time; try again.
        case busy
        /// The catalog failed.
        case catalog(CatalogError.Code)
        /// A record does not decode, or its secret was sealed with another key.
        case damaged
        /// A file or the password hash failed.
        case crypto
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package init(_ error: CatalogError) {
        self.init(.catalog(error.code), error.description)
    }

    package var isRetriable: Bool {
        switch code {
        case .busy, .catalog(.unavailable): true
        default: false
        }
    }

    package var description: String { "\(code): \(message)" }
}

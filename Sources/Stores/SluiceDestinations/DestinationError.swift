package import SluiceCatalog

/// Why the destinations of the catalog could not be read or changed; nothing has changed then.
package struct DestinationError: CatalogCausedError, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The name is not allowed.
        case invalid
        case notFound
        case alreadyExists
        /// There are `DestinationStore.destinationsMax` already.
        case limitReached
        /// Others changed destinations all the time; try again.
        case busy
        /// The catalog failed.
        case catalog(CatalogError.Code)
        /// A record does not decode, or its secret was sealed with another key.
        case damaged
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

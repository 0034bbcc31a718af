internal import Crypto
internal import HTTPServer
internal import Lifecycle
internal import SluiceAuth
internal import SluiceCatalog
internal import SluiceDestinations
internal import SluicePorts
internal import Terminal

/// What a person reads when a room of the server fails: the room's words without its code, and what to do about it.
enum Failure {
    /// Runs the body; an error of a room leaves it as one for people.
    static func explained<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            throw explain(error)
        }
    }

    static func explain(_ error: any Error) -> any Error {
        switch error {
        case let error as HTTPServerError: CommandError(error.message, hint: hint(for: error))
        case let error as IdentityError: CommandError(error.message, hint: hint(for: error))
        case let error as CryptoError: CommandError(error.message)
        case let error as CatalogError: CommandError(error.message, hint: hint(for: error))
        case let error as DestinationError: CommandError(error.message, hint: hint(for: error))
        case let error as RecordLogError: CommandError(error.message)
        case let error as LifecycleError where error.description.hasPrefix("cannot"):
            CommandError(
                error.description, hint: "Choose a folder that this user may write, with --data-dir.")
        default: error
        }
    }

    private static func hint(for error: HTTPServerError) -> String? {
        guard error.code == .cannotListen else { return nil }
        if error.message.contains("in use") {
            return "Stop what listens there, or choose another port; port 0 takes a free one."
        }
        if error.message.contains("Permission denied") { return "Choose a port from 1024 on." }
        if error.message.contains("assign requested address") {
            return "Choose an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them."
        }
        if error.message.contains("certificate") || error.message.contains("key") {
            return "Check tls.certificate_file and tls.key_file: PEM files, the chain beginning with the server's own."
        }
        return nil
    }

    private static func hint(for error: IdentityError) -> String? {
        switch error.code {
        case .notFound, .alreadyExists: "'sluice admin project|user|key list' shows what there is."
        case .busy: "Try again."
        default: nil
        }
    }

    private static func hint(for error: DestinationError) -> String? {
        switch error.code {
        case .notFound: "'sluice destination list' shows what there is."
        case .alreadyExists: "Choose another --name, or put it in the place of the old one with --replace."
        case .busy: "Try again."
        default: nil
        }
    }

    private static func hint(for error: CatalogError) -> String? {
        switch error.code {
        case .damaged: "Restore catalog.db from a backup; the records in log/ are not touched."
        case .unavailable: "Try again, and look at the disk's free space and permissions if it lasts."
        case .conflict, .outcomeUnknown: nil
        }
    }
}

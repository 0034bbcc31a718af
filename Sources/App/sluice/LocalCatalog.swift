internal import Crypto
internal import Settings
internal import SluiceAuth
internal import SluiceCatalogSQLite
internal import Terminal

/// The catalog of a local server's data directory, opened by a command, whether the server runs or not.
struct LocalCatalog: Sendable {
    let settings: Settings
    let directory: DataDirectory
    /// Of the project that the first start made.
    let credentials: Credentials
    let catalog: SQLiteCatalog
    let sealing: SealingKey

    static let dataDirectory = Parameter.option(
        "data-dir", value: "dir", help: "The server's data directory.", completion: .directory)

    /// Opens what `--data-dir` (and `--config`, where the command has it) names, runs the body, and closes it again.
    static func opened<Result: Sendable>(
        _ call: CommandCall, _ body: (LocalCatalog) async throws -> Result
    ) async throws -> Result {
        let arguments = ["data-dir", "config"].flatMap { name in call.value(name).map { ["--\(name)", $0] } ?? [] }
        let settings = try Settings.load(arguments: arguments, environment: call.console.environment).settings
        let directory = DataDirectory(path: settings.dataDirectory)
        guard let credentials = try await Failure.explained({ try Credentials.read(directory.credentials) }) else {
            throw CommandError(
                "There is no server's data in \(directory.path).",
                hint: "Start 'sluice serve' once, or name its folder with --data-dir.")
        }
        return try await Failure.explained {
            let sealing = try SealingKey.load(creatingAt: directory.sealingKey)
            let catalog = try await SQLiteCatalog.open(path: directory.catalog)
            let opened = LocalCatalog(
                settings: settings, directory: directory, credentials: credentials, catalog: catalog, sealing: sealing)
            do {
                let result = try await body(opened)
                await catalog.close()
                return result
            } catch {
                await catalog.close()
                throw error
            }
        }
    }
}

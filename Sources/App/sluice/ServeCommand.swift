internal import Lifecycle
internal import Observability
internal import Settings
internal import SluiceAuth
internal import Terminal

/// `sluice serve`: runs the server until a signal ends it.
enum ServeCommand {
    static let command = Command(
        raw: "serve", abstract: "Run the server.", help: { SettingsHelp.text }, run: run)

    @Sendable private static func run(_ call: CommandCall) async throws {
        let loaded: LoadedSettings
        do {
            loaded = try Settings.load(arguments: call.rawArguments, environment: call.console.environment)
        } catch {
            throw CommandError.usage("\(error)", hint: "See 'sluice serve --help'.")
        }
        if loaded.isHelp { return try await call.console.write(SettingsHelp.text) }
        if loaded.isCheck { return try await call.console.print("The settings are valid.") }
        try await Failure.explained { try await serve(loaded.settings, call.console) }
    }

    private static func serve(_ settings: Settings, _ console: Console) async throws {
        let logger = Logger(
            label: "sluice", level: settings.log.level,
            output: StandardLogOutput(format: format(of: settings, console)))
        let lock = try DataDirectoryLock.acquire(settings.dataDirectory)
        defer { lock.release() }
        let signals = try UnixSignals.trap()
        let server = try await Server.assemble(settings, logger: logger)
        server.pages.setReady(true)
        try await announce(server, console)
        do {
            try await ServiceGroup(server.services, signals: signals, logger: logger).run()
        } catch {
            await server.close()
            throw error
        }
        await server.close()
        logger.info("The server has stopped")
    }

    private static func format(of settings: Settings, _ console: Console) -> StandardLogOutput.Format {
        switch settings.log.format {
        case .json: .json
        case .text: console.errorsIsTerminal ? .colouredText : .text
        }
    }

    /// One line for programs, or what a person needs to go on.
    private static func announce(_ server: Server, _ console: Console) async throws {
        switch server.settings.log.format {
        case .json:
            try await console.print(
                JSONOutput.object(
                    [("event", .string("ready")), ("endpoint", .string(server.endpoint))]
                        + (server.pagesEndpoint.map { [("metrics_endpoint", .string($0))] } ?? [])
                ).text)
        case .text:
            let project = try Credentials.read(server.directory.credentials)?.projectID ?? "unknown"
            try await console.write(Welcome.text(server, project: project, environment: console.environment))
        }
        try await console.output.flush()
    }
}

internal import Crypto
internal import HTTPServer
internal import HTTPTypes
internal import Lifecycle
internal import Observability
internal import Settings
internal import SluiceAPI
internal import SluiceAuth
internal import SluiceCatalogSQLite
internal import SluiceCore
internal import SluiceDestinations
internal import SluiceLog
internal import SluiceStreams
internal import SluiceTransfers
internal import SluiceWire
internal import Synchronization

/// The assembled server: every room wired to the ports it needs, started in the order of dependence.
struct Server: Sendable {
    let settings: Settings
    let directory: DataDirectory
    let metrics: MetricsRegistry
    let logger: Logger
    let time: any TimeSource
    let catalog: SQLiteCatalog
    let log: LocalLog
    let identities: IdentityDirectory
    let streams: Streams
    let destinations: DestinationDirectory
    let transfers: TransferTasks
    let http: HTTPServer
    /// The listener of the operator pages, where they have one of their own.
    let pagesHTTP: HTTPServer?
    let pages: OperatorPages
    /// Where clients reach the server.
    let endpoint: String

    /// Where the operator pages are, where they have a listener of their own.
    var pagesEndpoint: String? {
        guard let pagesHTTP, let listen = settings.metrics.listen else { return nil }
        return settings.url(of: listen, port: pagesHTTP.port, isSecure: false)
    }

    /// Opens the stores, recovers what a crash has left, makes the first identities and binds the listeners.
    static func assemble(_ settings: Settings, logger: Logger) async throws -> Server {
        let time = SystemTime()
        let metrics = MetricsRegistry()
        let directory = DataDirectory(path: settings.dataDirectory)
        let sealing = try SealingKey.load(creatingAt: directory.sealingKey)
        let catalog = try await SQLiteCatalog.open(path: directory.catalog)
        let log = try LocalLog.open(
            directory: directory.log, configuration: settings.logConfiguration, fileSystem: SystemFileSystem(),
            time: time, logger: logger, metrics: metrics)
        let passwords = PasswordWorker()
        try await IdentityBootstrap.prepare(
            catalog: catalog, sealing: sealing, passwords: passwords, region: settings.region,
            credentialsPath: directory.credentials)
        let identities = try await IdentityDirectory(catalog: catalog, sealing: sealing, time: time, log: logger)
        let streams = Streams(
            catalog: catalog, log: log, time: time, configuration: settings.streamsConfiguration, logger: logger)
        try await streams.load()
        let destinations = try await DestinationDirectory(
            DestinationStore(catalog: catalog, sealing: sealing), time: time, log: logger)
        let transfers = TransferTasks(
            catalog: catalog, log: log, streams: streams,
            sinks: try ServerDestinations(
                settings, destinations, otherwise: directory.buckets, time: time, logger: logger), time: time,
            settings: settings.transferSettings, logger: logger, metrics: metrics)

        let pages = OperatorPages(metrics: metrics)
        let slot = ResponderSlot()
        let http = try HTTPServer(configuration: settings.httpConfiguration) { slot.dispatch($0) }
        let endpoint = settings.endpoint(port: http.port)
        let authenticator = Authenticator(
            directory: identities, sealing: sealing, settings: settings.authenticatorSettings, metrics: metrics)
        let errors = ErrorTable(missingStreamStatus: settings.streams.missingStreamStatus)
        let figures = RequestMetrics(metrics, time: time)
        let answers = AnswerBudget(total: streams.configuration.answerMemory.bytes)
        let routes =
            StreamRoutes(streams: streams).routes + AppRoutes(streams: streams).routes
            + GroupRoutes(streams: streams).routes + TagRoutes(streams: streams).routes
            + PolicyRoutes(streams: streams).routes + FigureRoutes(streams: streams).routes
            + RecordRoutes(
                streams: streams, cursors: CursorCodec(key: sealing.derivedKey(for: "cursors")), errors: errors,
                limits: PutRecordsLimits(records: settings.streams.recordsPerRequest), metrics: figures,
                answers: answers
            ).routes + TransferRoutes(tasks: transfers, errors: errors, answers: answers).routes
        var identitySettings = IdentityRoutes.Settings(
            region: settings.region, publicEndpoint: settings.publicEndpoint?.description, listenEndpoint: endpoint)
        identitySettings.unauthenticatedStatus = settings.auth.failureStatus
        slot.fill(
            Responder(
                router: Router(
                    routes: routes,
                    authenticator: IdentityAuthenticator(
                        authenticator: authenticator, time: time, failureStatus: settings.auth.failureStatus),
                    errors: errors, maximumBodySize: settings.http.maxBody, metrics: figures,
                    logger: logger),
                identity: IdentityRoutes(
                    authenticator: authenticator, passwords: passwords, settings: identitySettings, time: time),
                pages: settings.metrics.listen == nil ? pages : nil))
        let pagesHTTP = try settings.pagesConfiguration.map { configuration throws(HTTPServerError) in
            try HTTPServer(configuration: configuration) { exchanges in
                // As with requests: the server waits for each when draining.
                for exchange in exchanges {
                    Task {
                        exchange.respond(
                            await pages.respond(to: exchange.request) ?? Router.response(to: .unknownRoute))
                    }
                }
            }
        }
        do {
            try IdentityBootstrap.publish(
                endpoint: endpoint, region: settings.region, credentialsPath: directory.credentials)
        } catch {
            // On a full disk the server has to start all the same: deleting streams is what gives space back.
            logger.warning(
                "The endpoint could not be noted for clients on this machine",
                ["file": directory.credentials, "endpoint": endpoint, "error": "\(error)"])
        }
        let server = Server(
            settings: settings, directory: directory, metrics: metrics, logger: logger, time: time, catalog: catalog,
            log: log, identities: identities, streams: streams, destinations: destinations, transfers: transfers,
            http: http, pagesHTTP: pagesHTTP,
            pages: pages,
            endpoint: endpoint)
        server.publishFigures()
        return server
    }

    /// Figures that other rooms keep and the metrics page asks for.
    private func publishFigures() {
        let http = http
        metrics.computed("sluice_http_connections", "Open client connections.") {
            [(labels: [], value: Double(http.statistics.connections))]
        }
        metrics.computed("sluice_http_requests_total", "Requests handed to the service.", kind: "counter") {
            [(labels: [], value: Double(http.statistics.requests))]
        }
        metrics.computed(
            "sluice_http_refused_total", "Requests and connections refused by the HTTP edge.", kind: "counter"
        ) {
            [(labels: [], value: Double(http.statistics.refused))]
        }
        metrics.computed("sluice_http_body_memory_bytes", "Memory of request bodies now.") {
            [(labels: [], value: Double(http.statistics.bodyMemory))]
        }
    }

    /// What runs while the server does, dependencies first.
    var services: [ServiceGroup.Member] {
        var members = [
            ServiceGroup.Member("identities", IdentityService(identities: identities)),
            ServiceGroup.Member("destinations", DestinationService(destinations: destinations)),
            ServiceGroup.Member("retention", RetentionService(streams: streams)),
            ServiceGroup.Member("transfers", TransferService(tasks: transfers)),
        ]
        if settings.streams.isAutoScaling {
            members.append(ServiceGroup.Member("auto scaling", AutoScalingService(streams: streams)))
        }
        if let pagesHTTP {
            members.append(
                ServiceGroup.Member(
                    "operator pages", ListenerService(server: pagesHTTP, drain: .seconds(1), pages: pages)))
        }
        members.append(
            ServiceGroup.Member(
                "http", ListenerService(server: http, drain: settings.http.drainDeadline, pages: pages)))
        return members
    }

    /// Closes the stores; the last thing before the process ends.
    func close() async {
        await log.shutDown()
        await catalog.close()
    }
}

/// Breaks the circle between the server, whose port the answers name, and the responder. Filled before `run`, and nothing
/// is dispatched before that.
private final class ResponderSlot: Sendable {
    private let responder = Mutex<Responder?>(nil)

    func fill(_ responder: Responder) {
        self.responder.withLock { $0 = responder }
    }

    func dispatch(_ exchanges: [HTTPExchange]) {
        responder.withLock { $0 }?.dispatch(exchanges)
    }
}

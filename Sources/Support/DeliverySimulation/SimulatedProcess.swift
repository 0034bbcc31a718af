internal import HTTPTypes
internal import Observability
internal import SluiceAPI
internal import SluiceCatalog
internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import SluiceStreams
internal import SluiceTransfers
internal import SluiceWire

/// One running server without its sockets: the log on the simulated disk, streams, tasks, and the router before them.
final class SimulatedProcess: Sendable {
    /// The names of all streams that a run may have.
    static let streams = ["meters", "gauges"]

    let life: Life
    let log: LocalLog
    /// What it keeps its control state in, without faults.
    let catalog: any Catalog
    let streams: Streams
    let tasks: TransferTasks
    let router: Router

    /// Takes everybody for the same user.
    private struct Anybody: RequestAuthenticator {
        let project: ProjectID

        func authenticate(_ request: HTTPRequest, project path: String?) throws(APIError) -> RequestCaller {
            RequestCaller(project: self.project, domainName: "d", userName: "u", userID: "i")
        }
    }

    /// - Parameter isRemote: whether the log is another process's.
    init(_ world: SimulatedWorld, _ life: Life, log: LocalLog, isRemote: Bool) async throws {
        self.life = life
        self.log = log
        let numbers = world.numbers
        let identifiers = IdentifierGenerator(drawingFrom: { numbers.next() })
        catalog = try await world.openCatalog(isShared: isRemote)
        let catalog = SimulatedCatalog(world: world, life: life, catalog: catalog, log: log)
        let port = SimulatedLog(world: world, life: life, log: log, isRemote: isRemote)
        streams = Streams(catalog: catalog, log: port, time: world.time, identifiers: identifiers, logger: world.logger)
        try await streams.load()
        var settings = TransferSettings()
        settings.minimumDeliverIntervalSeconds = 1
        settings.objectSizeMax = ByteCount(60 + numbers.below(200))
        settings.readSize = ByteCount(1 + numbers.below(300))
        tasks = TransferTasks(
            catalog: catalog, log: port, streams: SimulatedLookup(world: world, life: life, streams: streams),
            sinks: SimulatedSinks(world: world, life: life),
            time: world.time, settings: settings, logger: world.logger,
            identifiers: identifiers)
        let errors = ErrorTable()
        let metrics = RequestMetrics(MetricsRegistry(), time: world.time)
        router = Router(
            routes: StreamRoutes(streams: streams).routes
                + RecordRoutes(
                    streams: streams, cursors: CursorCodec(key: [1, 2, 3]), errors: errors,
                    limits: PutRecordsLimits(), metrics: metrics,
                    answers: AnswerBudget(total: streams.configuration.answerMemory.bytes)
                ).routes, authenticator: Anybody(project: world.project), errors: errors, metrics: metrics,
            logger: world.logger)
    }

    /// Opens the log on the world's disk.
    static func openLog(_ world: SimulatedWorld) throws(RecordLogError) -> LocalLog {
        let numbers = world.numbers
        var configuration = LogConfiguration()
        configuration.threading = .inline
        configuration.random = { numbers.next() }
        configuration.segmentSize = .kibibytes(68 + 4 * numbers.below(5))
        configuration.firstSegmentSize = configuration.segmentSize
        configuration.sparesLimit = numbers.below(3)
        configuration.preparesSpare = numbers.chance(20)
        configuration.tailCacheSize = .kibibytes(numbers.below(6))
        let settings = configuration
        return try world.starting { () throws(RecordLogError) in
            try LocalLog.open(
                directory: "log", configuration: settings, fileSystem: world.disk, time: world.time,
                logger: world.logger, metrics: MetricsRegistry())
        }
    }
}

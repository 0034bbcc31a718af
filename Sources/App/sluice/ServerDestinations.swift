internal import Curl
internal import ObjectStorage
internal import Observability
internal import Settings
internal import SluiceCatalog
internal import SluiceCore
internal import SluiceDestinations
internal import SluicePorts
internal import SluiceSinkObject
internal import Synchronization

/// Where the server's transfer tasks deliver to: the settings file's destinations in its order, then the catalog's in
/// the order of adding, else folders of the data directory. Follows changes of the catalog.
final class ServerDestinations: ObjectSinkProvider {
    private struct State {
        var clients: [String: CurlClient] = [:]
        var generation: Int64
        var destinations: ObjectDestinations
    }

    private let fixed: [Destination]
    private let directory: DestinationDirectory
    private let region: String
    private let folder: String
    private let time: any TimeSource
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter folder: holds the buckets of tasks that no destination fits.
    /// - Throws: `CurlError` when an HTTP client cannot be started.
    init(
        _ settings: Settings, _ directory: DestinationDirectory, otherwise folder: String, time: any TimeSource,
        logger: Logger
    ) throws(CurlError) {
        fixed = settings.fixedDestinations
        self.directory = directory
        region = settings.region
        self.folder = folder
        self.time = time
        self.logger = logger
        let snapshot = directory.snapshot
        var clients: [String: CurlClient] = [:]
        let rules = try Self.rules(fixed + snapshot.destinations, region: region, &clients)
        state = Mutex(
            State(
                clients: clients, generation: snapshot.generation,
                destinations: ObjectDestinations(rules, otherwise: folder, time: time, logger: logger)))
    }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        try current().sink(project: project, agency: agency, bucket: bucket)
    }

    func hasDestination(project: ProjectID, agency: String) -> Bool {
        current().hasDestination(project: project, agency: agency)
    }

    func place(project: ProjectID, agency: String) -> String {
        current().place(project: project, agency: agency)
    }

    func refresh() async {
        do {
            try await directory.refresh()
        } catch {
            // The directory's own loop reports a failing catalog; the last destinations stay in force.
            logger.debug("destinations were not refreshed", ["error": "\(error)"])
        }
    }

    /// The destinations of the directory's newest snapshot.
    private func current() -> ObjectDestinations {
        let snapshot = directory.snapshot
        return state.withLock { state in
            guard snapshot.generation > state.generation else { return state.destinations }
            do throws(CurlError) {
                var clients = state.clients
                let rules = try Self.rules(fixed + snapshot.destinations, region: region, &clients)
                state = State(
                    clients: clients, generation: snapshot.generation,
                    destinations: ObjectDestinations(rules, otherwise: folder, time: time, logger: logger))
            } catch {
                // Asked again at the next use; until then the former destinations are right for all that has not changed.
                logger.error("an HTTP client for a destination cannot be started", ["error": "\(error)"])
            }
            return state.destinations
        }
    }

    /// One client, and so one pool of connections, serves all endpoints that trust the same authorities; those that
    /// nothing needs any more end with their last request.
    private static func rules(
        _ destinations: [Destination], region: String, _ clients: inout [String: CurlClient]
    ) throws(CurlError) -> [ObjectDestinations.Rule] {
        var used: [String: CurlClient] = [:]
        var rules: [ObjectDestinations.Rule] = []
        for destination in destinations {
            let rule = try destination.rule(region: region) { endpoint throws(CurlError) in
                let trust = endpoint.caFile ?? ""
                if let known = used[trust] ?? clients[trust] {
                    used[trust] = known
                    return known
                }
                let client = try endpoint.makeClient()
                used[trust] = client
                return client
            }
            rules.append(rule)
        }
        clients = used
        return rules
    }
}

extension Destination.Endpoint {
    /// An HTTP client that trusts the endpoint's authorities.
    func makeClient() throws(CurlError) -> CurlClient {
        var configuration = CurlClient.Configuration()
        configuration.certificateAuthorityFile = caFile
        return try CurlClient(configuration)
    }
}

extension Destination {
    /// - Parameters:
    ///   - region: the server's, for a store that names none.
    ///   - client: gives the HTTP client for an endpoint.
    func rule(
        region: String, over client: (Endpoint) throws(CurlError) -> CurlClient
    ) throws(CurlError) -> ObjectDestinations.Rule {
        let place: ObjectDestinations.Rule.Place
        switch self.place {
        case .folder(let path): place = .folder(path)
        case .endpoint(let given):
            let endpoint = ObjectEndpoint(
                isSecure: given.isSecure, authority: given.authority, region: given.region ?? region,
                accessKey: given.accessKey, secretKey: given.secretKey,
                addressing: given.addressing == .virtual ? .virtualHost : .path,
                signature: given.signature == .obs ? .obs : .v4)
            place = .endpoint(endpoint, try client(given))
        }
        return ObjectDestinations.Rule(agency: agency, project: project, place: place)
    }
}

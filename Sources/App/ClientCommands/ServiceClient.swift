internal import Curl
internal import FoundationEssentials
internal import HTTPTypes
internal import SluiceCore
internal import Terminal

/// Speaks the public API as one caller in one project.
struct ServiceClient: Sendable {
    /// The most bytes an answer may have.
    private static let answerBytesMax = 64 << 20
    /// The most requests at once: streams have many partitions.
    private static let connectionsMax = 64

    let connection: Connection
    let project: String
    let time: any TimeSource
    private let http: CurlClient

    /// Finds server, identity and project; asks the server for the project when nothing names it.
    static func connect(_ call: CommandCall) async throws -> ServiceClient {
        let connection = try await Connection.resolve(call)
        let service = try ServiceClient(connection, project: connection.project ?? "", time: call.console.time)
        guard connection.project == nil else { return service }
        return ServiceClient(service, project: try await service.onlyProject())
    }

    init(_ connection: Connection, project: String, time: any TimeSource) throws {
        var configuration = CurlClient.Configuration()
        configuration.connectionsMax = Self.connectionsMax
        configuration.connectionsPerHostMax = Self.connectionsMax
        configuration.certificateAuthorityFile = connection.certificateAuthorityFile
        configuration.skipsCertificateVerification = connection.skipsCertificateVerification
        self.connection = connection
        self.project = project
        self.time = time
        http = try CurlClient(configuration)
    }

    private init(_ other: ServiceClient, project: String) {
        connection = other.connection
        http = other.http
        time = other.time
        self.project = project
    }

    private func onlyProject() async throws -> String {
        struct Answer: Decodable {
            struct Project: Decodable {
                var id: String
                var name: String?
            }
            var projects: [Project]
        }
        let answer: Answer = try await get(["v3", "projects"])
        guard let first = answer.projects.first else {
            throw CommandError(exitCode: .noPermission, "These credentials belong to no project.")
        }
        guard answer.projects.count == 1 else {
            let names = answer.projects.map { "\($0.id)" + ($0.name.map { " (\($0))" } ?? "") }.joined(separator: ", ")
            throw CommandError.usage("There are several projects: \(names).", hint: "Choose one with --project.")
        }
        return first.id
    }

    // MARK: Requests

    /// Asks and decodes the answer. Paths are given as segments, not encoded.
    func get<Answer: Decodable>(_ path: [String], query: [(String, String)] = []) async throws -> Answer {
        try decode(await send("GET", path, query: query))
    }

    func decode<Answer: Decodable>(_ response: HTTPResponse) throws -> Answer {
        do {
            return try JSONDecoder.forService.decode(Answer.self, from: Data(response.body))
        } catch {
            throw CommandError(
                status: response.status, "The server's answer cannot be understood.",
                hint: "Is '\(connection.endpoint.text)' a Sluice server?")
        }
    }

    /// Sends one request and gives its answer. An answer outside 200 to 299 is thrown as a `CommandError`.
    func send(
        _ method: String, _ path: [String], query: [(String, String)] = [], json: JSONOutput
    ) async throws -> HTTPResponse {
        try await send(method, path, query: query, body: Array(json.text.utf8))
    }

    func send(
        _ method: String, _ path: [String], query: [(String, String)] = [], body: [UInt8]? = nil,
        isAuthorized: Bool = true
    ) async throws -> HTTPResponse {
        let response = try await exchange(method, path, query: query, body: body, isAuthorized: isAuthorized)
        guard (200..<300).contains(response.status) else {
            throw ServiceFault.error(from: response, to: connection.endpoint)
        }
        return response
    }

    private func exchange(
        _ method: String, _ path: [String], query: [(String, String)], body: [UInt8]?, isAuthorized: Bool
    ) async throws -> HTTPResponse {
        let endpoint = connection.endpoint
        let wirePath = endpoint.basePath + path.map { "/" + PercentEncoding.encode($0) }.joined()
        let wireQuery = RequestSigner.canonicalQuery(query)
        var headers = HTTPFields([("Host", endpoint.authority)])
        if body != nil { headers.append("Content-Type", "application/json") }
        if !project.isEmpty { headers.append("X-Project-Id", project) }
        if isAuthorized {
            switch connection.identity {
            case .token(let token): headers.append("X-Auth-Token", token)
            case .accessKey(let key, let secret):
                headers.append("X-Sdk-Date", CivilTime(time.now()).basic)
                let signer = RequestSigner(accessKey: key, secretKey: secret)
                headers.append(
                    "Authorization",
                    signer.authorization(
                        method: method, path: wirePath, query: query, headers: headers, body: body ?? []))
            }
        }
        headers.append("User-Agent", "sluice-cli")
        let url = "\(endpoint.scheme)://\(endpoint.authority)\(wirePath)" + (wireQuery.isEmpty ? "" : "?" + wireQuery)
        let request = CurlRequest(method: method, url: url, headers: headers, body: body.map { .bytes($0) } ?? .none)
        do {
            return try await http.send(request, responseBytesMax: Self.answerBytesMax)
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            throw ServiceFault.error(from: error, to: endpoint)
        }
    }
}

extension JSONDecoder {
    /// Reads the service's member names, which are in snake case.
    static var forService: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}

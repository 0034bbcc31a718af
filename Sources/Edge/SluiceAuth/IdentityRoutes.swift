internal import FoundationEssentials
package import HTTPTypes
internal import SluiceCatalog
package import SluiceCore

/// The identity service beside DIS and DRS: tokens, catalog, projects and domains as public clients ask for them (spec
/// section 5.5). A pure function from request to answer.
package struct IdentityRoutes: Sendable {
    package struct Settings: Sendable {
        /// The region in catalog entries; clients match it letter for letter.
        package var region: String
        /// The address that answers name, such as `https://sluice.example.net:8443`; nil: the one in the request's
        /// `Host` field.
        package var publicEndpoint: String?
        /// The address named where a request has no usable `Host`.
        package var listenEndpoint: String
        /// The status of failures to authenticate outside `/v3/auth/`: 401 or 441.
        package var unauthenticatedStatus = 401

        package init(region: String, publicEndpoint: String? = nil, listenEndpoint: String) {
            self.region = region
            self.publicEndpoint = publicEndpoint
            self.listenEndpoint = listenEndpoint
        }
    }

    let authenticator: Authenticator
    let logins: Logins
    let settings: Settings
    private let time: any TimeSource

    /// Longest body that is read.
    static let bodyBytesMax = 64 << 10

    package init(
        authenticator: Authenticator, passwords: PasswordWorker, settings: Settings, time: any TimeSource
    ) {
        self.authenticator = authenticator
        self.settings = settings
        self.time = time
        logins = Logins(authenticator: authenticator, passwords: PasswordChecker(worker: passwords))
    }

    private enum Route: String {
        case root = ""
        case version = "/v3"
        case tokens = "/v3/auth/tokens"
        case catalog = "/v3/auth/catalog"
        case ownProjects = "/v3/auth/projects"
        case ownDomains = "/v3/auth/domains"
        case projects = "/v3/projects"
        case callerIdentity = "/v5/caller-identity"

        /// Slashes at the end do not count.
        init?(path: Substring) {
            guard let end = path.utf8.lastIndex(where: { $0 != UInt8(ascii: "/") }) else {
                self = .root
                return
            }
            let path = path[...end]
            // Most requests are for streams, and their paths are longer.
            guard path.utf8.count <= Self.callerIdentity.rawValue.utf8.count else { return nil }
            self.init(rawValue: String(path))
        }

        /// Below `/v3/auth/` failures have Keystone's body and status.
        var isKeystone: Bool {
            switch self {
            case .tokens, .catalog, .ownProjects, .ownDomains: true
            default: false
            }
        }
    }

    /// Whether the path is one of these routes.
    package func has(_ path: Substring) -> Bool { Route(path: path) != nil }

    /// The answer, or nil when the path belongs to another service.
    package func respond(to request: HTTPRequest) async -> HTTPResponse? {
        guard let route = Route(path: request.path) else { return nil }
        let now = time.now()
        let answers = IdentityAnswers(endpoint: endpoint(of: request), region: settings.region)
        switch (route, request.method) {
        case (.root, "GET"): return answers.versions
        case (.version, "GET"): return answers.version
        case (.tokens, "POST"): return await issueToken(request, answers, now)
        case (_, "GET"), (.tokens, "HEAD"): break
        default:
            return route.isKeystone
                ? answers.keystoneFailure(405, "The method is not allowed on this path.")
                : answers.serviceFailure(405, "DIS.4200", "Invalid request. [method not allowed]")
        }
        switch await authenticator.authenticate(request, now: now) {
        case .failure(let error):
            return route.isKeystone
                ? answers.keystoneFailure(error.status(unauthenticated: 401) == 403 ? 403 : 401, error.message)
                : answers.serviceFailure(
                    error.status(unauthenticated: settings.unauthenticatedStatus), error.code.rawValue, error.message)
        case .success(let caller):
            return answer(route, request, caller, answers, now)
        }
    }

    private func answer(
        _ route: Route, _ request: HTTPRequest, _ caller: Caller, _ answers: IdentityAnswers, _ now: Timestamp
    ) -> HTTPResponse {
        let snapshot = authenticator.directory.snapshot
        switch route {
        case .root: return answers.versions
        case .version: return answers.version
        case .tokens: return showToken(request, answers, now)
        case .catalog: return answers.catalog
        case .callerIdentity: return answers.callerIdentity(caller)
        case .ownDomains:
            return answers.domains(
                snapshot.domains[caller.domainID].map { [$0] } ?? [], named: name(in: request),
                path: String(request.path))
        case .projects, .ownProjects:
            let projects = snapshot.users[caller.userID].map { snapshot.projects(of: $0) } ?? []
            return answers.projects(projects, named: name(in: request), path: String(request.path))
        }
    }

    private func issueToken(
        _ request: HTTPRequest, _ answers: IdentityAnswers, _ now: Timestamp
    ) async -> HTTPResponse {
        guard request.body.count <= Self.bodyBytesMax else {
            return answers.keystoneFailure(413, "The body is longer than \(Self.bodyBytesMax) bytes.")
        }
        let isJSON = unsafe request.body.withUnsafeBytes { bytes in unsafe JSONText.isValid(bytes) }
        let body = try? JSONDecoder().decode(KeystoneBodies.AuthRequest.self, from: Data(request.body.array))
        guard isJSON, let auth = body?.auth else {
            return answers.keystoneFailure(400, "The body is no authentication request.")
        }
        switch await logins.issue(auth, from: request.peer, now: now) {
        case .failure(let failure): return answers.keystoneFailure(failure.status, failure.message)
        case .success(let login):
            var response = answers.token(
                login, snapshot: authenticator.directory.snapshot, status: 201, hasCatalog: !nocatalog(request))
            response.headers.append("X-Subject-Token", login.token)
            return response
        }
    }

    private func showToken(_ request: HTTPRequest, _ answers: IdentityAnswers, _ now: Timestamp) -> HTTPResponse {
        guard let subject = request.headers["X-Subject-Token"], !subject.isEmpty else {
            return answers.keystoneFailure(400, "The field X-Subject-Token is missing.")
        }
        let snapshot = authenticator.directory.snapshot
        do throws(AuthError) {
            let (caller, claims) = try authenticator.caller(ofToken: subject, snapshot, now)
            let login = Logins.Login(token: subject, caller: caller, claims: claims)
            var response = answers.token(login, snapshot: snapshot, status: 200, hasCatalog: !nocatalog(request))
            response.headers.append("X-Subject-Token", subject)
            if request.method == "HEAD" { response.body = [] }
            return response
        } catch {
            return answers.keystoneFailure(404, "The subject token is unknown or has expired.")
        }
    }

    /// The value of the query's `name`, nil when missing or empty.
    private func name(in request: HTTPRequest) -> String? {
        let value = request.query.split(separator: "&").first { $0.hasPrefix("name=") }?.dropFirst("name=".count)
        guard let value, !value.isEmpty else { return nil }
        return String(decoding: PercentEncoding.decode(Array(value.utf8), plusIsBlank: true), as: UTF8.self)
    }

    private func nocatalog(_ request: HTTPRequest) -> Bool {
        request.query.split(separator: "&").contains {
            $0 == "nocatalog" || ($0.hasPrefix("nocatalog=") && $0 != "nocatalog=false")
        }
    }

    /// The address under which the client reached the server.
    private func endpoint(of request: HTTPRequest) -> String {
        if let endpoint = settings.publicEndpoint { return endpoint }
        guard let host = request.headers["Host"], !host.isEmpty, host.utf8.count <= 255,
            host.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._:[]".utf8.contains(byte)
                }
            })
        else { return settings.listenEndpoint }
        return (request.isSecure ? "https://" : "http://") + host
    }
}

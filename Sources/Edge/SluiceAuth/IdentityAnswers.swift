internal import FoundationEssentials
internal import HTTPTypes
internal import SluiceCore

/// Answers of the identity routes as values.
struct IdentityAnswers: Sendable {
    private let services: ServiceCatalog

    init(endpoint: String, region: String) {
        services = ServiceCatalog(endpoint: endpoint, region: region)
    }

    /// `2026-01-02T03:04:05.006000Z` (RFC 3339), as Keystone writes times.
    static func time(_ moment: Timestamp) -> String {
        let civil = CivilTime(moment)
        let milliseconds = (moment.milliseconds - moment.seconds * 1000).padded(to: 3)
        return "\(civil.date(separator: "-"))T\(civil.clock(separator: ":")).\(milliseconds)000Z"
    }

    var versions: HTTPResponse {
        json(300, KeystoneBodies.VersionsAnswer(versions: .init(values: [services.version])))
    }

    var version: HTTPResponse {
        json(200, KeystoneBodies.VersionAnswer(version: services.version))
    }

    var catalog: HTTPResponse {
        json(200, KeystoneBodies.CatalogAnswer(catalog: services.entries, links: links("/v3/auth/catalog")))
    }

    func token(
        _ login: Logins.Login, snapshot: IdentitySnapshot, status: Int, hasCatalog: Bool
    ) -> HTTPResponse {
        let caller = login.caller
        let domain = KeystoneBodies.Named(id: caller.domainID, name: caller.domainName)
        let token = KeystoneBodies.TokenAnswer.Token(
            methods: login.claims.methods, expiresAt: Self.time(login.claims.expires),
            issuedAt: Self.time(login.claims.issued),
            user: .init(id: caller.userID, name: caller.userName, domain: domain, passwordExpiresAt: ""),
            project: caller.project.map { .init(id: $0.text, name: caller.projectName, domain: domain) },
            domain: caller.project == nil ? domain : nil,
            roles: [KeystoneBodies.Named(id: "0", name: "te_admin")], catalog: hasCatalog ? services.entries : nil)
        return json(status, KeystoneBodies.TokenAnswer(token: token))
    }

    func projects(_ projects: [Project], named name: String?, path: String) -> HTTPResponse {
        let wanted = projects.filter { name == nil || $0.name == name }
        return json(
            200,
            KeystoneBodies.ProjectsAnswer(
                projects: wanted.map { project in
                    .init(
                        id: project.id.text, name: project.name, domainID: project.domainID,
                        parentID: project.domainID, description: "", enabled: project.isEnabled, isDomain: false)
                }, links: links(path)))
    }

    func domains(_ domains: [Domain], named name: String?, path: String) -> HTTPResponse {
        let wanted = domains.filter { name == nil || $0.name == name }
        return json(
            200,
            KeystoneBodies.DomainsAnswer(
                domains: wanted.map { .init(id: $0.id, name: $0.name, description: "", enabled: true) },
                links: links(path)))
    }

    func callerIdentity(_ caller: Caller) -> HTTPResponse {
        json(
            200,
            KeystoneBodies.CallerAnswer(
                accountID: caller.domainID, principalID: caller.userID,
                principalURN: "iam::\(caller.domainID):user:\(caller.userName)"))
    }

    /// A failure below `/v3/auth/`, in Keystone's form.
    func keystoneFailure(_ status: Int, _ message: String) -> HTTPResponse {
        let title =
            switch status {
            case 400: "Bad Request"
            case 401: "Unauthorized"
            case 403: "Forbidden"
            case 404: "Not Found"
            case 405: "Method Not Allowed"
            case 413: "Request Entity Too Large"
            default: "Service Unavailable"
            }
        return json(status, KeystoneBodies.ErrorAnswer(error: .init(code: status, message: message, title: title)))
    }

    /// A failure on any other path, in the service's form.
    func serviceFailure(_ status: Int, _ code: String, _ message: String) -> HTTPResponse {
        json(status, KeystoneBodies.ServiceErrorAnswer(code: code, message: message), isSnakeCase: false)
    }

    private func links(_ path: String) -> KeystoneBodies.Links {
        KeystoneBodies.Links(self: services.endpoint + path)
    }

    private func json(_ status: Int, _ body: some Encodable, isSnakeCase: Bool = true) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isSnakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
        // Structures of texts and flags always encode.
        let data = (try? encoder.encode(body)) ?? Data()
        return HTTPResponse(
            status: status, headers: HTTPFields([("Content-Type", "application/json")]), body: Array(data))
    }
}

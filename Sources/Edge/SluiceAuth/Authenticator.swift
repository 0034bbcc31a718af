package import Crypto
package import HTTPTypes
package import Observability
internal import SluiceCatalog
package import SluiceCore

/// Says who sent a request: by token or by any of the public signature forms (spec section 5.1).
package struct Authenticator: Sendable {
    package struct Settings: Sendable {
        /// How far `X-Sdk-Date` may lie from the server's clock, either way. Default 15 minutes.
        package var clockSkew: Duration = .seconds(900)
        /// Further host values that clients may have signed, for servers behind a proxy; at most four are tried.
        package var hostAlternatives: [String] = []
        /// Strict mode: the scope of a signature must name a service and this region. Default off; it shuts OTC Go out.
        package var strictRegion: String?
        /// How long a token is valid. Default 24 hours, as in the public service.
        package var tokenLife: Duration = .seconds(24 * 3600)
        /// Accepts any or no credentials, for local development alone. Default false.
        package var isDisabled = false

        package init() {}
    }

    let directory: IdentityDirectory
    let tokens: Tokens
    let settings: Settings
    private let verifier: SignatureVerifier
    private let failures = FailureTable(limit: failuresMax)
    private let counters: [AuthError.Code: Counter]

    /// Wrong signatures, keys and tokens from one address in a minute before the answer says to come back later. Right
    /// ones are served all the same, since they cost no more to check than wrong ones to refuse.
    package static let failuresMax = 1000
    private static let hostAlternativesMax = 4
    /// Longest life of a presigned query, in seconds.
    private static let presignedSecondsMax: Int64 = 604_800

    /// - Parameter sealing: the key that tokens derive from; the same one opens the directory's secrets.
    package init(
        directory: IdentityDirectory, sealing: SealingKey, settings: Settings = Settings(),
        metrics: MetricsRegistry = MetricsRegistry()
    ) {
        self.directory = directory
        self.settings = settings
        tokens = Tokens(sealing: sealing)
        verifier = SignatureVerifier(
            hostAlternatives: Array(settings.hostAlternatives.prefix(Self.hostAlternativesMax)))
        counters = Dictionary(
            uniqueKeysWithValues: AuthError.Code.allCases.map { code in
                (
                    code,
                    metrics.counter(
                        "sluice_authentication_failures_total", "Requests refused for their identity, by error code.",
                        [("code", code.rawValue)])
                )
            })
    }

    /// The caller, or why there is none, as of the identities in memory. Costs one SHA-256 over the body and some
    /// microseconds; the body is read where it lies.
    package func verify(_ request: HTTPRequest, now: Timestamp) -> Result<Caller, AuthError> {
        let result = judge(request, now)
        guard case .failure(let error) = result else { return result }
        counters[error.code]?.increment()
        switch error.code {
        case .unknownAccessKey, .wrongSignature, .invalidToken:
            failures.recordFailure(request.peer, now: now)
            return failures.isBlocked(request.peer, now: now) ? .failure(AuthError(.tooManyFailures)) : result
        default:
            return result
        }
    }

    /// `verify`, with a second look at the catalog before a refusal that a change of identities could turn, so that an
    /// access key works as soon as it is made, whichever process made it.
    package func authenticate(_ request: HTTPRequest, now: Timestamp) async -> Result<Caller, AuthError> {
        let first = verify(request, now: now)
        if case .failure(let error) = first, await looksAgain(after: error.code) { return verify(request, now: now) }
        return first
    }

    /// Whether newer identities have become known that may turn a refusal.
    package func looksAgain(after refusal: AuthError.Code) async -> Bool {
        guard AuthError(refusal).mayBeStale else { return false }
        return await directory.refreshIfDue()
    }

    private func judge(_ request: HTTPRequest, _ now: Timestamp) -> Result<Caller, AuthError> {
        let snapshot = directory.snapshot
        if settings.isDisabled { return anyone(request, snapshot) }
        do throws(AuthError) {
            let values = request.headers.values(of: "Authorization")
            guard values.count < 2 else { throw AuthError(.malformedAuthorization) }
            if let header = values.first, !header.isEmpty {
                return try signed(request, Authorization(parsing: header), snapshot, now)
            }
            if let token = request.headers["X-Auth-Token"] {
                return .success(try caller(ofToken: token, snapshot, now).caller)
            }
            if request.query.hasPrefix("X-Sdk-") || request.query.contains("&X-Sdk-") {
                return try presigned(request, snapshot, now)
            }
            throw AuthError(.noCredentials)
        } catch {
            return .failure(error)
        }
    }

    /// The caller and claims of a token.
    func caller(
        ofToken token: String, _ snapshot: IdentitySnapshot, _ now: Timestamp
    ) throws(AuthError) -> (caller: Caller, claims: Tokens.Claims) {
        guard !token.isEmpty else { throw AuthError(.emptyToken) }
        guard let opened = tokens.open(token, in: snapshot, now: now), let caller = opened.caller else {
            throw AuthError(.invalidToken)
        }
        return (caller, opened.claims)
    }

    private func signed(
        _ request: HTTPRequest, _ authorization: Authorization, _ snapshot: IdentitySnapshot, _ now: Timestamp
    ) throws(AuthError) -> Result<Caller, AuthError> {
        guard let dateTime = request.headers["X-Sdk-Date"], !dateTime.isEmpty else { throw AuthError(.emptyDate) }
        guard let moment = CivilTime(basic: dateTime)?.timestamp else { throw AuthError(.malformedDate) }
        let distance = moment - now
        guard max(distance, .zero - distance) <= settings.clockSkew else { throw AuthError(.skewedDate) }
        return try check(request, authorization, dateTime, snapshot, isPresigned: false)
    }

    private func check(
        _ request: HTTPRequest, _ authorization: Authorization, _ dateTime: String, _ snapshot: IdentitySnapshot,
        isPresigned: Bool
    ) throws(AuthError) -> Result<Caller, AuthError> {
        if let region = settings.strictRegion, authorization.form != .access {
            guard !authorization.service.isEmpty else { throw AuthError(.emptyService) }
            guard authorization.region == region else { throw AuthError(.foreignRegion) }
        }
        guard let signer = snapshot.signers[authorization.accessKey], signer.key.isEnabled else {
            throw AuthError(.unknownAccessKey)
        }
        guard
            verifier.isRight(
                request, authorization, dateTime: dateTime, secret: signer.key.secret, isPresigned: isPresigned)
        else { throw AuthError(.wrongSignature) }
        return signer.caller
    }

    /// The signature in the query that the Java SDK can write (spec section 5.4).
    private func presigned(
        _ request: HTTPRequest, _ snapshot: IdentitySnapshot, _ now: Timestamp
    ) throws(AuthError) -> Result<Caller, AuthError> {
        var parameters: [String: String] = [:]
        for piece in request.query.split(separator: "&") where piece.hasPrefix("X-Sdk-") {
            let halves = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = PercentEncoding.decode(halves.count > 1 ? Array(halves[1].utf8) : [], plusIsBlank: true)
            guard parameters.updateValue(String(decoding: value, as: UTF8.self), forKey: String(halves[0])) == nil
            else {
                throw AuthError(.malformedAuthorization)
            }
        }
        guard let algorithm = parameters["X-Sdk-Algorithm"].flatMap(Authorization.Algorithm.init(rawValue:)) else {
            throw AuthError(.malformedAuthorization)
        }
        guard let credential = parameters["X-Sdk-Credential"], let names = parameters["X-Sdk-SignedHeaders"],
            let signature = parameters["X-Sdk-Signature"], !names.isEmpty
        else { throw AuthError(.incompleteAuthorization) }
        let authorization = try Authorization(
            algorithm: algorithm, access: nil, credential: Array(credential.utf8)[...],
            signedHeaders: Array(names.utf8)[...], signature: Array(signature.utf8)[...])
        guard let dateTime = parameters["X-Sdk-Date"], !dateTime.isEmpty else { throw AuthError(.emptyDate) }
        guard let moment = CivilTime(basic: dateTime)?.timestamp,
            let life = parameters["X-Sdk-Expires"].flatMap(Int64.init),
            (1...Self.presignedSecondsMax).contains(life)
        else { throw AuthError(.malformedDate) }
        guard moment - settings.clockSkew <= now, now <= moment + .seconds(life) else { throw AuthError(.skewedDate) }
        return try check(request, authorization, dateTime, snapshot, isPresigned: true)
    }

    /// With authentication turned off everybody is the first user, in the project the request names.
    private func anyone(_ request: HTTPRequest, _ snapshot: IdentitySnapshot) -> Result<Caller, AuthError> {
        let user = snapshot.users.values.min { $0.id < $1.id }
        let domain = user.flatMap { snapshot.domains[$0.domainID] }
        // The project that the request names: in its field, or as the second segment of its path.
        let named = request.headers["X-Project-Id"].flatMap { ProjectID($0) }
        let segments = request.path.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 2)
        let inPath = segments.count > 2 ? ProjectID(String(Substring(segments[1]))) : nil
        let project = named ?? inPath ?? user?.projects.first
        return .success(
            Caller(
                project: project, projectName: project.flatMap { snapshot.projects[$0]?.name } ?? "",
                userID: user?.id ?? "", userName: user?.name ?? "", domainID: domain?.id ?? "",
                domainName: domain?.name ?? "", proof: .none))
    }
}

internal import Crypto
internal import SluiceCatalog
internal import SluiceCore

/// Turns an authentication request into a token: who is it, and for which scope.
struct Logins: Sendable {
    /// A token with what it stands for.
    struct Login: Sendable {
        let token: String
        let caller: Caller
        let claims: Tokens.Claims
    }

    /// Why there is no token, with the status and text to answer.
    struct Failure: Error, Sendable, Hashable {
        let status: Int
        let message: String

        static let unauthorized = Failure(status: 401, message: "The credentials are not valid.")
        static let scope = Failure(status: 401, message: "The scope is unknown or not open to this user.")
        static let blocked = Failure(status: 401, message: "Too many request failures. Please try again later.")
        static let busy = Failure(status: 503, message: "Too many logins at once. Please try again later.")

        static func malformed(_ what: String) -> Failure { Failure(status: 400, message: what) }
    }

    /// What one method of an authentication request proved.
    private struct Identified {
        var user: User
        /// The scope of a login that names none; nil: the user's first project.
        var defaultScope: Tokens.Scope?
        /// The key that proved it, whose project alone is open then; nil: all of the user's are.
        var accessKey: AccessKey?
        /// A token made from a token lives no longer.
        var expires: Timestamp?
    }

    private let authenticator: Authenticator
    private let passwords: PasswordChecker

    init(authenticator: Authenticator, passwords: PasswordChecker) {
        self.authenticator = authenticator
        self.passwords = passwords
    }

    func issue(
        _ auth: KeystoneBodies.AuthRequest.Auth, from address: String, now: Timestamp
    ) async -> Result<Login, Failure> {
        do throws(Failure) {
            let methods = auth.identity.methods
            guard (1...Tokens.methods.count).contains(methods.count), Set(methods).count == methods.count else {
                throw .malformed("The list of methods is empty or repeats itself.")
            }
            var proved: [Identified] = []
            for method in methods {
                proved.append(try await identify(method, auth.identity, address, now))
            }
            guard let first = proved.first, proved.allSatisfy({ $0.user.id == first.user.id }) else {
                throw .unauthorized
            }
            let snapshot = authenticator.directory.snapshot
            let scope = try scope(auth.scope, proved, snapshot)
            let expires = proved.compactMap(\.expires).min() ?? now + authenticator.settings.tokenLife
            let claims = Tokens.Claims(
                userID: first.user.id, scope: scope, methods: methods, epoch: first.user.tokenEpoch, issued: now,
                expires: expires, accessKey: try Self.accessKey(proved))
            guard let caller = snapshot.caller(claims) else { throw .scope }
            return .success(Login(token: authenticator.tokens.seal(claims), caller: caller, claims: claims))
        } catch {
            return .failure(error)
        }
    }

    /// The one access key among the proofs, if any.
    private static func accessKey(_ proved: [Identified]) throws(Failure) -> String? {
        let keys = Set(proved.compactMap(\.accessKey?.id))
        guard keys.count < 2 else { throw .unauthorized }
        return keys.first
    }

    private func identify(
        _ method: String, _ identity: KeystoneBodies.AuthRequest.Identity, _ address: String, _ now: Timestamp
    ) async throws(Failure) -> Identified {
        switch method {
        case "password":
            guard let user = identity.password?.user else { throw .malformed("The member password is missing.") }
            return try await byPassword(user, address, now)
        case "token":
            guard let token = identity.token?.id else { throw .malformed("The member token is missing.") }
            return try byToken(token, now)
        case "hw_ak_sk":
            guard let key = identity.accessKey else { throw .malformed("The member hw_ak_sk is missing.") }
            return try await byAccessKey(key, address, now)
        default:
            throw .malformed("The method is not supported.")
        }
    }

    private func byPassword(
        _ claimed: KeystoneBodies.AuthRequest.Password.User, _ address: String, _ now: Timestamp
    ) async throws(Failure) -> Identified {
        guard claimed.id != nil || claimed.name != nil else { throw .malformed("The user has neither id nor name.") }
        var user = find(claimed)
        if user == nil, await authenticator.directory.refreshIfDue() { user = find(claimed) }
        switch await passwords.check(claimed.password, of: user, from: address, now: now) {
        case .right: break
        case .wrong: throw .unauthorized
        case .blocked: throw .blocked
        case .busy: throw .busy
        }
        guard let user, user.isEnabled else { throw .unauthorized }
        return Identified(user: user)
    }

    private func find(_ claimed: KeystoneBodies.AuthRequest.Password.User) -> User? {
        let snapshot = authenticator.directory.snapshot
        if let id = claimed.id { return snapshot.users[id] }
        guard let name = claimed.name, let domain = domain(claimed.domain, snapshot) else { return nil }
        return snapshot.user(named: name, domainID: domain.id)
    }

    /// The domain a reference means; one that names nothing means the only domain.
    private func domain(_ reference: KeystoneBodies.AuthRequest.Reference?, _ snapshot: IdentitySnapshot) -> Domain? {
        if let id = reference?.id { return snapshot.domains[id] }
        if let name = reference?.name { return snapshot.domain(named: name) }
        return snapshot.domains.count == 1 ? snapshot.domains.values.first : nil
    }

    private func byToken(_ token: String, _ now: Timestamp) throws(Failure) -> Identified {
        let snapshot = authenticator.directory.snapshot
        guard let (_, claims) = try? authenticator.caller(ofToken: token, snapshot, now),
            let user = snapshot.users[claims.userID]
        else { throw .unauthorized }
        return Identified(
            user: user, defaultScope: claims.scope, accessKey: claims.accessKey.flatMap { snapshot.signers[$0]?.key },
            expires: claims.expires)
    }

    private func byAccessKey(
        _ claimed: KeystoneBodies.AuthRequest.SignedBy, _ address: String, _ now: Timestamp
    ) async throws(Failure) -> Identified {
        if authenticator.directory.snapshot.signers[claimed.access.key] == nil {
            _ = await authenticator.directory.refreshIfDue()
        }
        let snapshot = authenticator.directory.snapshot
        guard let signer = snapshot.signers[claimed.access.key], signer.key.isEnabled,
            SecureBytes.equal(signer.key.secret, Array(claimed.secret.key.utf8)),
            let user = snapshot.users[signer.key.userID], user.isEnabled
        else { throw .unauthorized }
        return Identified(user: user, defaultScope: .project(signer.key.project), accessKey: signer.key)
    }

    private func scope(
        _ wanted: KeystoneBodies.AuthRequest.Scope?, _ proved: [Identified], _ snapshot: IdentitySnapshot
    ) throws(Failure) -> Tokens.Scope {
        guard let user = proved.first?.user else { throw .unauthorized }
        let scope: Tokens.Scope
        if let project = wanted?.project {
            scope = .project(try self.project(project, of: user, snapshot).id)
        } else if let reference = wanted?.domain {
            guard let domain = domain(reference, snapshot), domain.id == user.domainID else { throw .scope }
            scope = .domain(domain.id)
        } else if let given = proved.compactMap(\.defaultScope).first {
            scope = given
        } else if let project = snapshot.projects(of: user).first(where: { $0.id == user.projects.first }) {
            scope = .project(project.id)
        } else {
            scope = .domain(user.domainID)
        }
        if case .project(let id) = scope, !proved.compactMap(\.accessKey).allSatisfy({ $0.project == id }) {
            throw .scope
        }
        return scope
    }

    /// The project a scope means; by name alone it is looked for in the user's own domain.
    private func project(
        _ wanted: KeystoneBodies.AuthRequest.Scope.Project, of user: User, _ snapshot: IdentitySnapshot
    ) throws(Failure) -> Project {
        let found: Project?
        if let id = wanted.id {
            found = ProjectID(id).flatMap { snapshot.projects[$0] }
        } else if let name = wanted.name {
            let domainID = wanted.domain == nil ? user.domainID : domain(wanted.domain, snapshot)?.id
            found = domainID.flatMap { snapshot.project(named: name, domainID: $0) }
        } else {
            throw .malformed("The scope's project has neither id nor name.")
        }
        guard let found, user.projects.contains(found.id), found.isEnabled else { throw .scope }
        return found
    }
}

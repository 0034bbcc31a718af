internal import Crypto
internal import SluiceCore
internal import Synchronization

/// Tokens that need no record: what they claim is sealed inside them under a key derived from the server's sealing key.
///
/// They survive a restart, cost no write to issue, and end after their life, when their user's epoch moves on (a new
/// password, a disabled user), when user or project are gone or disabled, or the access key that they were made with.
struct Tokens: Sendable {
    enum Scope: Sendable, Hashable {
        case project(ProjectID)
        case domain(String)
    }

    /// What a token says.
    struct Claims: Sendable, Hashable {
        var userID: String
        var scope: Scope
        /// Keystone's method names, in the order given.
        var methods: [String]
        var epoch: Int64
        var issued: Timestamp
        var expires: Timestamp
        /// The access key that proved who asked, also by way of other tokens: it ends the token with itself.
        var accessKey: String?
    }

    /// Longest token that is looked at.
    static let bytesMax = 1024
    static let methods = ["password", "token", "hw_ak_sk"]

    private let key: [UInt8]
    private let opened = OpenedTokens()
    private static let context = Array("token-1".utf8)

    init(sealing: SealingKey) {
        key = sealing.derivedKey(for: "token-1")
    }

    func seal(_ claims: Claims) -> String {
        let (kind, id) =
            switch claims.scope {
            case .project(let project): ("p", project.text)
            case .domain(let domain): ("d", domain)
            }
        let methods = claims.methods.joined(separator: " ")
        var fields = [
            claims.userID, kind, id, methods, String(claims.epoch), String(claims.issued.milliseconds),
            String(claims.expires.milliseconds),
        ]
        if let accessKey = claims.accessKey { fields.append(accessKey) }
        let plain = Array(fields.joined(separator: "\n").utf8)
        return Base64.encode(AESGCM.seal(plain, key: key, authenticating: Self.context), .urlSafe)
    }

    /// A token that this server sealed.
    final class Opened: Sendable {
        let claims: Claims
        /// Whom it stands for among the identities of `generation`; nil when its user, access key or scope has ended.
        let caller: Caller?
        let generation: Int64

        init(_ claims: Claims, in snapshot: IdentitySnapshot) {
            self.claims = claims
            caller = snapshot.caller(claims)
            generation = snapshot.generation
        }
    }

    /// A token that this server sealed and that has not expired, as of these identities; nil for any other text.
    ///
    /// What was opened is remembered: a client sends the same token with each request.
    func open(_ text: String, in snapshot: IdentitySnapshot, now: Timestamp) -> Opened? {
        let known = opened.token(text)
        if let known, known.generation == snapshot.generation { return known.claims.expires > now ? known : nil }
        guard let claims = known?.claims ?? unseal(text), claims.expires > now else { return nil }
        let fresh = Opened(claims, in: snapshot)
        opened.remember(fresh, of: text)
        return fresh
    }

    private func unseal(_ text: String) -> Claims? {
        guard text.utf8.count <= Self.bytesMax, let sealed = Base64.decode(canonical: text, .urlSafe),
            let plain = try? AESGCM.open(sealed, key: key, authenticating: Self.context)
        else { return nil }
        let fields = String(decoding: plain, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard (7...8).contains(fields.count), let epoch = Int64(fields[4]), let issued = Int64(fields[5]),
            let expires = Int64(fields[6])
        else { return nil }
        let scope: Scope
        switch fields[1] {
        case "p":
            guard let project = ProjectID(String(fields[2])) else { return nil }
            scope = .project(project)
        default:
            scope = .domain(String(fields[2]))
        }
        return Claims(
            userID: String(fields[0]), scope: scope, methods: fields[3].split(separator: " ").map(String.init),
            epoch: epoch, issued: Timestamp(milliseconds: issued), expires: Timestamp(milliseconds: expires),
            accessKey: fields.count == 8 ? String(fields[7]) : nil)
    }
}

/// Tokens that were opened lately. It forgets all of them when it is full, which costs each one opening.
private final class OpenedTokens: Sendable {
    private static let capacity = 1024
    private let tokens = Mutex<[String: Tokens.Opened]>([:])

    func token(_ text: String) -> Tokens.Opened? {
        // Texts of other bytes may be equal to Swift (U+212A and K); a token, all ASCII, is the shortest of them.
        tokens.withLock { tokens in
            tokens.index(forKey: text).flatMap { index in
                tokens[index].key.utf8.count == text.utf8.count ? tokens[index].value : nil
            }
        }
    }

    func remember(_ token: Tokens.Opened, of text: String) {
        tokens.withLock { tokens in
            if tokens.count >= Self.capacity { tokens.removeAll(keepingCapacity: true) }
            tokens[text] = token
        }
    }
}

extension IdentitySnapshot {
    /// The caller that a token's claims stand for, nil when its user, access key or scope has ended since.
    func caller(_ claims: Tokens.Claims) -> Caller? {
        guard let user = users[claims.userID], user.isEnabled, user.tokenEpoch == claims.epoch,
            let domain = domains[user.domainID]
        else { return nil }
        if let id = claims.accessKey {
            guard let key = signers[id]?.key, key.isEnabled, key.userID == user.id else { return nil }
        }
        switch claims.scope {
        case .project(let id):
            guard user.projects.contains(id), let project = projects[id], project.isEnabled else { return nil }
            return Caller(
                project: id, projectName: project.name, userID: user.id, userName: user.name, domainID: domain.id,
                domainName: domain.name, proof: .token)
        case .domain(let id):
            guard id == domain.id else { return nil }
            return Caller(
                project: nil, projectName: "", userID: user.id, userName: user.name, domainID: domain.id,
                domainName: domain.name, proof: .token)
        }
    }
}

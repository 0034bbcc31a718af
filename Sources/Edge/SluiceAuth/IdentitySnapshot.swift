internal import Crypto
internal import SluiceCatalog
internal import SluiceCore

/// All identities at one moment, with the indexes that requests need. Immutable: a change makes a new snapshot.
package final class IdentitySnapshot: CatalogSnapshot {
    /// An access key and what a request signed with it may do.
    struct Signer: Sendable {
        let key: AccessKey
        /// The caller, or why this key is refused though its signature is right.
        let caller: Result<Caller, AuthError>
    }

    /// The revision of the generation record; 0 when no identity has ever been written.
    package let generation: Int64
    let domains: [String: Domain]
    let projects: [ProjectID: Project]
    let users: [String: User]
    let signers: [String: Signer]
    private let userIDs: [UserName: String]

    private struct UserName: Hashable {
        let domainID: String
        let name: String
    }

    static let empty = IdentitySnapshot(generation: 0, domains: [], projects: [], users: [], accessKeys: [])

    init(generation: Int64, domains: [Domain], projects: [Project], users: [User], accessKeys: [AccessKey]) {
        let domains = Dictionary(domains.map { ($0.id, $0) }) { first, _ in first }
        let projects = Dictionary(projects.map { ($0.id, $0) }) { first, _ in first }
        let users = Dictionary(users.map { ($0.id, $0) }) { first, _ in first }
        self.generation = generation
        self.domains = domains
        self.projects = projects
        self.users = users
        userIDs = Dictionary(users.values.map { (UserName(domainID: $0.domainID, name: $0.name), $0.id) }) { $1 }
        signers = Dictionary(
            accessKeys.map { key in
                let caller = Self.caller(
                    project: projects[key.project], user: users[key.userID],
                    domain: users[key.userID].flatMap { domains[$0.domainID] }, proof: .accessKey(key.id))
                return (key.id, Signer(key: key, caller: caller))
            }
        ) { first, _ in first }
    }

    private static func caller(
        project: Project?, user: User?, domain: Domain?, proof: Caller.Proof
    ) -> Result<Caller, AuthError> {
        guard let user, let domain, let project, user.projects.contains(project.id) else {
            return .failure(AuthError(.forbidden, detail: "The access key has no user or project."))
        }
        guard user.isEnabled else { return .failure(AuthError(.forbidden, detail: "The user is disabled.")) }
        guard project.isEnabled else { return .failure(AuthError(.forbidden, detail: "The project is disabled.")) }
        return .success(
            Caller(
                project: project.id, projectName: project.name, userID: user.id, userName: user.name,
                domainID: domain.id, domainName: domain.name, proof: proof))
    }

    func domain(named name: String) -> Domain? {
        domains.values.first { $0.name == name }
    }

    func user(named name: String, domainID: String) -> User? {
        userIDs[UserName(domainID: domainID, name: name)].flatMap { users[$0] }
    }

    func project(named name: String, domainID: String) -> Project? {
        projects.values.first { $0.name == name && $0.domainID == domainID }
    }

    /// The enabled projects of a user, by name.
    func projects(of user: User) -> [Project] {
        user.projects.compactMap { projects[$0] }.filter(\.isEnabled).sorted { $0.name < $1.name }
    }

    /// Reads all identities as of one generation.
    static func load(_ catalog: any Catalog, sealing: SealingKey) async throws(IdentityError) -> IdentitySnapshot {
        let snapshot = try await IdentityCodec.collection(in: catalog).read { generation throws(IdentityError) in
            if generation == 0 { return empty }
            return try decode(
                generation, try await all(catalog, IdentityCodec.domains),
                try await all(catalog, IdentityCodec.projects), try await all(catalog, IdentityCodec.users),
                try await all(catalog, IdentityCodec.accessKeys), sealing)
        }
        guard let snapshot else { throw IdentityError(.busy, "identities change faster than they can be read") }
        return snapshot
    }

    private static let pageSize = 1000

    private static func all(
        _ catalog: any Catalog, _ prefix: CatalogKey
    ) async throws(IdentityError) -> [CatalogEntry] {
        var entries: [CatalogEntry] = []
        while true {
            let page: [CatalogEntry]
            do throws(CatalogError) {
                page = try await catalog.list(prefix: prefix, after: entries.last?.key, limit: pageSize)
            } catch {
                throw IdentityError(error)
            }
            entries += page
            if page.count < pageSize { return entries }
        }
    }

    private static func decode(
        _ generation: Int64, _ domains: [CatalogEntry], _ projects: [CatalogEntry], _ users: [CatalogEntry],
        _ keys: [CatalogEntry], _ sealing: SealingKey
    ) throws(IdentityError) -> IdentitySnapshot {
        IdentitySnapshot(
            generation: generation,
            domains: try domains.map { entry throws(IdentityError) in try IdentityCodec.domain(entry) },
            projects: try projects.map { entry throws(IdentityError) in try IdentityCodec.project(entry) },
            users: try users.map { entry throws(IdentityError) in try IdentityCodec.user(entry) },
            accessKeys: try keys.map { entry throws(IdentityError) in
                try IdentityCodec.accessKey(entry, sealing: sealing)
            })
    }
}

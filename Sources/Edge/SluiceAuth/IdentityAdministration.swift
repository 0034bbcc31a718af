package import Crypto
package import SluiceCatalog
package import SluiceCore

/// What `sluice admin project|user|key` does: changes of identities in the catalog, one after another, from any process.
///
/// A running server sees each change within `CatalogFollower.pollInterval`.
package struct IdentityAdministration: Sendable {
    private let catalog: any Catalog
    private let sealing: SealingKey
    private let passwords: PasswordWorker

    package init(catalog: any Catalog, sealing: SealingKey, passwords: PasswordWorker) {
        self.catalog = catalog
        self.sealing = sealing
        self.passwords = passwords
    }

    /// An access key as it is issued: the only time its secret is shown.
    package struct IssuedAccessKey: Sendable, Hashable {
        package let accessKey: String
        package let secretKey: String
        package let userID: String
        package let project: ProjectID
    }

    // MARK: Projects

    /// All projects, by name.
    package func projects() async throws(IdentityError) -> [Project] {
        try await load().projects.values.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// Makes a project with a user of the same name and an access key. Names are 1 to 64 of `[A-Za-z0-9_-]`.
    package func addProject(
        named name: String, endpoint: String, region: String
    ) async throws(IdentityError) -> Credentials {
        try Self.checkName(name, of: "project")
        let draft = Credentials.random(endpoint: endpoint, region: region, projectName: name, userName: name)
        let hash = try await passwords.hash(draft.password)
        return try await change { snapshot throws(IdentityError) in
            let domain = try snapshot.onlyDomain()
            var credentials = draft
            credentials.domainName = domain.name
            credentials.domainID = domain.id
            guard snapshot.project(named: name, domainID: domain.id) == nil else {
                throw IdentityError(.alreadyExists, "the project \(name) exists already")
            }
            guard snapshot.user(named: name, domainID: domain.id) == nil else {
                throw IdentityError(.alreadyExists, "the user \(name) exists already")
            }
            guard snapshot.projects.count < IdentityLimits.projects, snapshot.users.count < IdentityLimits.users,
                snapshot.signers.count < IdentityLimits.accessKeys
            else { throw IdentityError(.limitReached, "no further project, user or access key is allowed") }
            guard let id = ProjectID(credentials.projectID) else {
                throw IdentityError(.invalid, "the project's id is not allowed")
            }
            let user = User(
                id: Credentials.randomID(), name: name, domainID: domain.id, projects: [id], isEnabled: true,
                passwordHash: hash, tokenEpoch: 0)
            let key = AccessKey(
                id: credentials.accessKey, userID: user.id, project: id, isEnabled: true,
                secret: Array(credentials.secretKey.utf8))
            let changes = [
                try IdentityCodec.put(Project(id: id, name: name, domainID: domain.id, isEnabled: true)),
                try IdentityCodec.put(user), try IdentityCodec.put(key, sealing: sealing),
            ]
            return (changes, credentials)
        }
    }

    /// Disables or enables a project, by name or id: its keys and tokens are refused meanwhile.
    package func setProject(_ nameOrID: String, enabled: Bool) async throws(IdentityError) {
        try await change { snapshot throws(IdentityError) in
            let old = try snapshot.findProject(nameOrID)
            let new = Project(id: old.id, name: old.name, domainID: old.domainID, isEnabled: enabled)
            return ([try IdentityCodec.put(new)], ())
        }
    }

    /// Removes a project, by name or id, with its access keys and the users who have no other project. Its streams stay
    /// in the catalog, unreachable; remove them first.
    package func removeProject(_ nameOrID: String) async throws(IdentityError) {
        try await change { snapshot throws(IdentityError) in
            let project = try snapshot.findProject(nameOrID)
            var changes: [CatalogChange] = [.delete(IdentityCodec.key(IdentityCodec.projects, project.id.text))]
            for signer in snapshot.signers.values where signer.key.project == project.id {
                changes.append(.delete(IdentityCodec.key(IdentityCodec.accessKeys, signer.key.id)))
            }
            for user in snapshot.users.values where user.projects.contains(project.id) {
                let rest = user.projects.filter { $0 != project.id }
                changes.append(
                    rest.isEmpty
                        ? .delete(IdentityCodec.key(IdentityCodec.users, user.id))
                        : try IdentityCodec.put(user.with(projects: rest)))
            }
            return (changes, ())
        }
    }

    // MARK: Users

    /// All users, by name.
    package func users() async throws(IdentityError) -> [User] {
        try await load().users.values.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// Makes a user who may act in a project. Without a password, a random one is made.
    ///
    /// - Returns: the user and the password.
    package func addUser(
        named name: String, project nameOrID: String, password: String? = nil
    ) async throws(IdentityError) -> (user: User, password: String) {
        try Self.checkName(name, of: "user")
        let password = password ?? SecureBytes.randomText(24)
        let hash = try await hash(checking: password)
        let user = try await change { snapshot throws(IdentityError) in
            let project = try snapshot.findProject(nameOrID)
            guard snapshot.user(named: name, domainID: project.domainID) == nil else {
                throw IdentityError(.alreadyExists, "the user \(name) exists already")
            }
            guard snapshot.users.count < IdentityLimits.users else {
                throw IdentityError(.limitReached, "no further user is allowed")
            }
            let user = User(
                id: Credentials.randomID(), name: name, domainID: project.domainID, projects: [project.id],
                isEnabled: true, passwordHash: hash, tokenEpoch: 0)
            return ([try IdentityCodec.put(user)], user)
        }
        return (user, password)
    }

    /// Disables or enables a user, by name or id. Disabling ends all tokens of the user for good.
    package func setUser(_ nameOrID: String, enabled: Bool) async throws(IdentityError) {
        try await change { snapshot throws(IdentityError) in
            let user = try snapshot.findUser(nameOrID)
            return ([try IdentityCodec.put(user.with(isEnabled: enabled, endsTokens: !enabled))], ())
        }
    }

    /// Gives a user a new password, which ends all tokens of the user. Without a password, a random one is made.
    package func setPassword(_ nameOrID: String, password: String? = nil) async throws(IdentityError) -> String {
        let password = password ?? SecureBytes.randomText(24)
        let hash = try await hash(checking: password)
        try await change { snapshot throws(IdentityError) in
            let user = try snapshot.findUser(nameOrID)
            return ([try IdentityCodec.put(user.with(passwordHash: hash, endsTokens: true))], ())
        }
        return password
    }

    /// Removes a user, by name or id, with the user's access keys.
    package func removeUser(_ nameOrID: String) async throws(IdentityError) {
        try await change { snapshot throws(IdentityError) in
            let user = try snapshot.findUser(nameOrID)
            var changes: [CatalogChange] = [.delete(IdentityCodec.key(IdentityCodec.users, user.id))]
            for signer in snapshot.signers.values where signer.key.userID == user.id {
                changes.append(.delete(IdentityCodec.key(IdentityCodec.accessKeys, signer.key.id)))
            }
            return (changes, ())
        }
    }

    // MARK: Access keys

    /// All access keys, by user, without their secrets.
    package func accessKeys() async throws(IdentityError) -> [AccessKey] {
        try await load().signers.values.map(\.key).sorted { ($0.userID, $0.id) < ($1.userID, $1.id) }
    }

    /// Makes an access key of a user for one of the user's projects, by default the first.
    package func addAccessKey(
        user nameOrID: String, project: String? = nil
    ) async throws(IdentityError) -> IssuedAccessKey {
        try await change { snapshot throws(IdentityError) in
            let user = try snapshot.findUser(nameOrID)
            let wanted: ProjectID? =
                if let project { try snapshot.findProject(project).id } else { user.projects.first }
            guard let wanted, user.projects.contains(wanted) else {
                throw IdentityError(.notFound, "the user \(user.name) has no such project")
            }
            let owned = snapshot.signers.values.count { $0.key.userID == user.id }
            guard owned < IdentityLimits.accessKeysPerUser, snapshot.signers.count < IdentityLimits.accessKeys else {
                throw IdentityError(.limitReached, "no further access key of this user is allowed")
            }
            let issued = IssuedAccessKey(
                accessKey: Credentials.randomAccessKey(), secretKey: Credentials.randomSecretKey(), userID: user.id,
                project: wanted)
            let key = AccessKey(
                id: issued.accessKey, userID: user.id, project: wanted, isEnabled: true,
                secret: Array(issued.secretKey.utf8))
            return ([try IdentityCodec.put(key, sealing: sealing)], issued)
        }
    }

    package func setAccessKey(_ id: String, enabled: Bool) async throws(IdentityError) {
        try await change { snapshot throws(IdentityError) in
            let old = try snapshot.findAccessKey(id)
            let new = AccessKey(
                id: old.id, userID: old.userID, project: old.project, isEnabled: enabled, secret: old.secret)
            return ([try IdentityCodec.put(new, sealing: sealing)], ())
        }
    }

    package func removeAccessKey(_ id: String) async throws(IdentityError) {
        try await change { snapshot throws(IdentityError) in
            ([.delete(IdentityCodec.key(IdentityCodec.accessKeys, try snapshot.findAccessKey(id).id))], ())
        }
    }

    // MARK: How changes happen

    private func load() async throws(IdentityError) -> IdentitySnapshot {
        try await IdentitySnapshot.load(catalog, sealing: sealing)
    }

    /// Decides over all identities as they are and commits only if they still are, else decides again.
    private func change<Value: Sendable>(
        _ decide: (IdentitySnapshot) throws(IdentityError) -> ([CatalogChange], Value)
    ) async throws(IdentityError) -> Value {
        let value = try await IdentityCodec.collection(in: catalog).change(from: load, decide)
        guard let value else { throw IdentityError(.busy, "others change identities at the same time") }
        return value
    }

    private static func checkName(_ name: String, of kind: String) throws(IdentityError) {
        guard name.isName(upTo: 64) else {
            throw IdentityError(.invalid, "a \(kind)'s name is 1 to 64 of A-Z, a-z, 0-9, _ and -")
        }
    }

    private func hash(checking password: String) async throws(IdentityError) -> String {
        guard (8...PasswordChecker.passwordBytesMax).contains(password.utf8.count) else {
            throw IdentityError(.invalid, "a password has 8 to \(PasswordChecker.passwordBytesMax) bytes")
        }
        return try await passwords.hash(password)
    }
}

internal import SluiceCore

extension IdentitySnapshot {
    /// The domain that new projects belong to: the first start makes exactly one.
    func onlyDomain() throws(IdentityError) -> Domain {
        guard let domain = domains.values.min(by: { $0.id < $1.id }) else {
            throw IdentityError(.notFound, "there is no domain yet; start the server once")
        }
        return domain
    }

    func findProject(_ nameOrID: String) throws(IdentityError) -> Project {
        if let id = ProjectID(nameOrID), let project = projects[id] { return project }
        guard let project = projects.values.first(where: { $0.name == nameOrID }) else {
            throw IdentityError(.notFound, "there is no project \(nameOrID)")
        }
        return project
    }

    func findUser(_ nameOrID: String) throws(IdentityError) -> User {
        guard let user = users[nameOrID] ?? users.values.first(where: { $0.name == nameOrID }) else {
            throw IdentityError(.notFound, "there is no user \(nameOrID)")
        }
        return user
    }

    func findAccessKey(_ id: String) throws(IdentityError) -> AccessKey {
        guard let signer = signers[id] else { throw IdentityError(.notFound, "there is no access key \(id)") }
        return signer.key
    }
}

extension User {
    /// The user with some things changed; `endsTokens` moves the epoch on.
    func with(
        projects: [ProjectID]? = nil, isEnabled: Bool? = nil, passwordHash: String? = nil, endsTokens: Bool = false
    ) -> User {
        User(
            id: id, name: name, domainID: domainID, projects: projects ?? self.projects,
            isEnabled: isEnabled ?? self.isEnabled, passwordHash: passwordHash ?? self.passwordHash,
            tokenEpoch: tokenEpoch + (endsTokens ? 1 : 0))
    }
}

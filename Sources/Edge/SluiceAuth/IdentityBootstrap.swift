package import Crypto
package import SluiceCatalog
internal import SluiceCore

/// Makes the first domain, project, user and access key.
package enum IdentityBootstrap {
    /// Fills an empty catalog and writes `credentials.json`; leaves a filled catalog as it is.
    ///
    /// The file is durable before the catalog changes, and a file that is there already is taken over by an empty
    /// catalog: a crash at any point, or a lost catalog, leaves credentials that work after the next start.
    ///
    /// - Parameters:
    ///   - path: of `credentials.json`.
    ///   - region: the region's name and the first project's, because SDKs look a project up by its region.
    /// - Returns: whether the catalog was filled now. Throws when the file is damaged or open to others.
    @discardableResult
    package static func prepare(
        catalog: any Catalog, sealing: SealingKey, passwords: PasswordWorker, region: String,
        credentialsPath path: String
    ) async throws(IdentityError) -> Bool {
        let collection = IdentityCodec.collection(in: catalog)
        let generation = try await collection.generation(throwing: IdentityError.self)
        guard generation == 0 else { return false }
        let credentials: Credentials
        if let found = try Credentials.read(path) {
            credentials = found
        } else {
            guard region.isName(upTo: 64) else {
                throw IdentityError(.invalid, "a region's name is 1 to 64 of A-Z, a-z, 0-9, _ and -")
            }
            credentials = .random(endpoint: "", region: region, projectName: region, userName: "sluice")
            try credentials.write(path)
        }
        guard let project = ProjectID(credentials.projectID), !credentials.accessKey.isEmpty,
            !credentials.secretKey.isEmpty, !credentials.domainID.isEmpty
        else {
            throw IdentityError(.damaged, "\(path) lacks a project or key; move it away to have new ones made")
        }
        let hash = try await passwords.hash(credentials.password)
        let user = User(
            id: Credentials.randomID(), name: credentials.userName, domainID: credentials.domainID,
            projects: [project], isEnabled: true, passwordHash: hash, tokenEpoch: 0)
        let changes: [CatalogChange] = [
            collection.nextGeneration(after: generation),
            try IdentityCodec.put(Domain(id: credentials.domainID, name: credentials.domainName)),
            try IdentityCodec.put(
                Project(
                    id: project, name: credentials.projectName, domainID: credentials.domainID, isEnabled: true)),
            try IdentityCodec.put(user),
            try IdentityCodec.put(
                AccessKey(
                    id: credentials.accessKey, userID: user.id, project: project, isEnabled: true,
                    secret: Array(credentials.secretKey.utf8)), sealing: sealing),
        ]
        do {
            try await catalog.commit(changes)
        } catch {
            throw IdentityError(error)
        }
        return true
    }

    /// Brings the file's `endpoint` and `region` up to date once the server listens; a missing file stays missing.
    package static func publish(endpoint: String, region: String, credentialsPath path: String) throws(IdentityError) {
        guard var credentials = try Credentials.read(path),
            credentials.endpoint != endpoint || credentials.region != region
        else { return }
        credentials.endpoint = endpoint
        credentials.region = region
        try credentials.write(path)
    }
}

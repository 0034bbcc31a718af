internal import Crypto
internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCore

/// Identities as they stand in the catalog: JSON records of version 1 below `identity/`.
///
/// They are one `CatalogCollection`, whose generation is `identity/generation`.
enum IdentityCodec {
    private static let generation = CatalogKey("identity", "generation")
    static let domains = CatalogKey("identity", "domain", trailingSlash: true)
    static let projects = CatalogKey("identity", "project", trailingSlash: true)
    static let users = CatalogKey("identity", "user", trailingSlash: true)
    static let accessKeys = CatalogKey("identity", "key", trailingSlash: true)

    static func collection(in catalog: any Catalog) -> CatalogCollection {
        CatalogCollection(in: catalog, generation: generation)
    }

    static func key(_ prefix: CatalogKey, _ id: String) -> CatalogKey { CatalogKey(prefix.text + id) }

    private static let version = 1

    private struct DomainRecord: Codable {
        var version: Int
        var name: String
    }

    private struct ProjectRecord: Codable {
        var version: Int
        var name: String
        var domain: String
        var enabled: Bool
    }

    private struct UserRecord: Codable {
        var version: Int
        var name: String
        var domain: String
        var projects: [String]
        var enabled: Bool
        var password: String
        var tokenEpoch: Int64
    }

    private struct AccessKeyRecord: Codable {
        var version: Int
        var user: String
        var project: String
        var enabled: Bool
        var sealedSecret: String
    }

    static func put(_ domain: Domain) throws(IdentityError) -> CatalogChange {
        .put(key(domains, domain.id), try encode(DomainRecord(version: version, name: domain.name)))
    }

    static func put(_ project: Project) throws(IdentityError) -> CatalogChange {
        let record = ProjectRecord(
            version: version, name: project.name, domain: project.domainID, enabled: project.isEnabled)
        return .put(key(projects, project.id.text), try encode(record))
    }

    static func put(_ user: User) throws(IdentityError) -> CatalogChange {
        let record = UserRecord(
            version: version, name: user.name, domain: user.domainID, projects: user.projects.map(\.text),
            enabled: user.isEnabled, password: user.passwordHash, tokenEpoch: user.tokenEpoch)
        return .put(key(users, user.id), try encode(record))
    }

    static func put(_ accessKey: AccessKey, sealing: SealingKey) throws(IdentityError) -> CatalogChange {
        let place = key(accessKeys, accessKey.id)
        let record = AccessKeyRecord(
            version: version, user: accessKey.userID, project: accessKey.project.text, enabled: accessKey.isEnabled,
            sealedSecret: Base64.encode(sealing.seal(accessKey.secret, context: place.text)))
        return .put(place, try encode(record))
    }

    static func domain(_ entry: CatalogEntry) throws(IdentityError) -> Domain {
        let record = try decode(DomainRecord.self, entry, \.version)
        return Domain(id: id(entry, domains), name: record.name)
    }

    static func project(_ entry: CatalogEntry) throws(IdentityError) -> Project {
        let record = try decode(ProjectRecord.self, entry, \.version)
        return Project(
            id: try projectID(id(entry, projects), entry), name: record.name, domainID: record.domain,
            isEnabled: record.enabled)
    }

    static func user(_ entry: CatalogEntry) throws(IdentityError) -> User {
        let record = try decode(UserRecord.self, entry, \.version)
        var projects: [ProjectID] = []
        for text in record.projects { projects.append(try projectID(text, entry)) }
        return User(
            id: id(entry, users), name: record.name, domainID: record.domain, projects: projects,
            isEnabled: record.enabled, passwordHash: record.password, tokenEpoch: record.tokenEpoch)
    }

    static func accessKey(_ entry: CatalogEntry, sealing: SealingKey) throws(IdentityError) -> AccessKey {
        let record = try decode(AccessKeyRecord.self, entry, \.version)
        guard let sealed = Base64.decode(canonical: record.sealedSecret) else {
            throw damaged(entry, "its secret is not base64")
        }
        let secret: [UInt8]
        do {
            secret = try sealing.open(sealed, context: entry.key.text)
        } catch {
            throw damaged(entry, "its secret was sealed with another key; restore the sealing key of this catalog")
        }
        return AccessKey(
            id: id(entry, accessKeys), userID: record.user, project: try projectID(record.project, entry),
            isEnabled: record.enabled, secret: secret)
    }

    private static func id(_ entry: CatalogEntry, _ prefix: CatalogKey) -> String {
        String(entry.key.text.dropFirst(prefix.text.count))
    }

    private static func projectID(_ text: String, _ entry: CatalogEntry) throws(IdentityError) -> ProjectID {
        guard let id = ProjectID(text) else { throw damaged(entry, "it names no project") }
        return id
    }

    private static func encode(_ record: some Encodable) throws(IdentityError) -> [UInt8] {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return Array(try encoder.encode(record))
        } catch {
            throw IdentityError(.damaged, "an identity record does not encode")
        }
    }

    private static func decode<Record: Decodable>(
        _ type: Record.Type, _ entry: CatalogEntry, _ recordVersion: KeyPath<Record, Int>
    ) throws(IdentityError) -> Record {
        guard let record = try? JSONDecoder().decode(type, from: Data(entry.value)) else {
            throw damaged(entry, "it does not decode")
        }
        guard record[keyPath: recordVersion] == version else { throw damaged(entry, "another version wrote it") }
        return record
    }

    private static func damaged(_ entry: CatalogEntry, _ cause: String) -> IdentityError {
        IdentityError(.damaged, "the record \(entry.key) is damaged: \(cause)")
    }
}

internal import Crypto
internal import FoundationEssentials
internal import SluiceCore

/// All that a client needs for one project: the content of `credentials.json` and the answer to `project add`.
package struct Credentials: Codable, Sendable, Hashable {
    package var endpoint: String
    package var region: String
    package var domainName: String
    package var domainID: String
    package var projectName: String
    package var projectID: String
    package var userName: String
    package var password: String
    package var accessKey: String
    package var secretKey: String

    private enum CodingKeys: String, CodingKey {
        case endpoint, region
        case domainName = "domain_name"
        case domainID = "domain_id"
        case projectName = "project_name"
        case projectID = "project_id"
        case userName = "user_name"
        case password
        case accessKey = "access_key"
        case secretKey = "secret_key"
    }

    /// Fresh random identifiers, password and access key.
    static func random(
        endpoint: String, region: String, domain: Domain? = nil, projectName: String, userName: String
    ) -> Credentials {
        Credentials(
            endpoint: endpoint, region: region, domainName: domain?.name ?? "default-domain",
            domainID: domain?.id ?? randomID(), projectName: projectName, projectID: randomID(), userName: userName,
            password: SecureBytes.randomText(24), accessKey: randomAccessKey(), secretKey: randomSecretKey())
    }

    /// 32 hexadecimal digits, the shape of the public service's identifiers of domains, projects and users.
    static func randomID() -> String { Hex.encode(SecureBytes.random(16)) }

    static func randomAccessKey() -> String {
        SecureBytes.randomText(20, alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    }

    static func randomSecretKey() -> String { SecureBytes.randomText(40) }

    /// The members as JSON for people, with a line feed at the end.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // A structure of strings always encodes.
        let data = (try? encoder.encode(self)) ?? Data()
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// The credentials in that file, nil when there is none; throws `crypto` when it cannot be read or others may read
    /// it, `damaged` when it holds something else.
    package static func read(_ path: String) throws(IdentityError) -> Credentials? {
        do throws(CryptoError) {
            guard let text = try OwnerFile.read(path) else { return nil }
            if let found = try? JSONDecoder().decode(Credentials.self, from: Data(text.utf8)) { return found }
        } catch {
            throw IdentityError(.crypto, error.message)
        }
        throw IdentityError(.damaged, "\(path) does not hold credentials; move it away to have new ones made")
    }

    /// Writes the file with mode 0600, durably and at once.
    package func write(_ path: String) throws(IdentityError) {
        do {
            try OwnerFile.replace(path, text: json)
        } catch {
            throw IdentityError(.crypto, error.message)
        }
    }
}

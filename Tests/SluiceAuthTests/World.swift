import Crypto
import HTTPTypes
import SluiceCatalog
import SluiceCore
import SluiceTesting

@testable import SluiceAuth

/// A catalog with the identities of the recorded requests, and everything that stands on it.
struct World: Sendable {
    static let accessKey = "AKEXAMPLE00000000001"
    static let secretKey = "SKEXAMPLE0000000000000000000000000000001"
    static let project = "0123456789abcdef0123456789abcdef"
    static let domainID = String(repeating: "d", count: 32)

    let catalog = MemoryCatalog()
    let sealing = SealingKey.random()
    let time = ManualTime()
    let directory: IdentityDirectory
    let settings: Authenticator.Settings

    init(
        accessKey: String = Self.accessKey, secretKey: String = Self.secretKey, project: String = Self.project,
        settings: Authenticator.Settings = Authenticator.Settings()
    ) async throws {
        self.settings = settings
        guard let project = ProjectID(project) else { throw IdentityError(.invalid, "not a project id") }
        let password = try PasswordHash(of: "example-password", cost: .minimal).description
        try await catalog.commit([
            IdentityCodec.collection(in: catalog).nextGeneration(after: 0),
            IdentityCodec.put(Domain(id: Self.domainID, name: "default-domain")),
            IdentityCodec.put(Project(id: project, name: "region1", domainID: Self.domainID, isEnabled: true)),
            IdentityCodec.put(
                User(
                    id: "u1", name: "sluice", domainID: Self.domainID, projects: [project], isEnabled: true,
                    passwordHash: password, tokenEpoch: 0)),
            IdentityCodec.put(
                AccessKey(
                    id: accessKey, userID: "u1", project: project, isEnabled: true, secret: Array(secretKey.utf8)),
                sealing: sealing),
        ])
        directory = try await IdentityDirectory(catalog: catalog, sealing: sealing, time: time)
    }

    var authenticator: Authenticator {
        Authenticator(directory: directory, sealing: sealing, settings: settings)
    }
}

extension HTTPRequest {
    /// The moment in the request's `X-Sdk-Date`.
    var signedAt: Timestamp? { headers["X-Sdk-Date"].flatMap { CivilTime(basic: $0)?.timestamp } }
}

extension Result where Failure == AuthError {
    var refusal: AuthError.Code? {
        if case .failure(let error) = self { error.code } else { nil }
    }
}

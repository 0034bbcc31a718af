package import SluiceCore

/// A domain: the account that owns projects and users.
package struct Domain: Sendable, Hashable {
    package let id: String
    package let name: String
}

/// A project, the tenant that owns streams, apps and tasks.
package struct Project: Sendable, Hashable {
    package let id: ProjectID
    package let name: String
    package let domainID: String
    package let isEnabled: Bool
}

/// A user, who logs in by password and may act in some projects.
package struct User: Sendable, Hashable {
    package let id: String
    package let name: String
    package let domainID: String
    /// The first one is the scope of a login that names none.
    package let projects: [ProjectID]
    package let isEnabled: Bool
    /// The scrypt text.
    let passwordHash: String
    /// Grows when all tokens issued so far shall end: a new password, a disabled user.
    let tokenEpoch: Int64
}

/// An access key: a user's name for signing requests in one project.
package struct AccessKey: Sendable, Hashable {
    package let id: String
    package let userID: String
    package let project: ProjectID
    package let isEnabled: Bool
    /// The secret key's UTF-8 bytes, in memory only; the catalog holds them sealed.
    let secret: [UInt8]
}

/// How many of each the catalog may hold: all of them are kept in memory.
package enum IdentityLimits {
    package static let projects = 10_000
    package static let users = 10_000
    package static let accessKeys = 20_000
    /// Access keys of one user.
    package static let accessKeysPerUser = 50
}

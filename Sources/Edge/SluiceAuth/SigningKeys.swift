internal import Crypto
internal import Synchronization

/// Keys derived from secret keys and scopes (spec sections 5.2.1 and 5.3), remembered for scopes that proved right.
///
/// A key derives from the scope as received, so that clients with any region and service, or none, are verified alike.
final class SigningKeys: Sendable {
    private struct Place: Hashable {
        let accessKey: String
        let secret: [UInt8]
        let algorithm: Authorization.Algorithm
        let scope: String
    }

    private let remembered = Mutex<[Place: [UInt8]]>([:])

    /// Keys remembered; each is used for a day by one client, so that more are hardly ever alive.
    static let capacity = 1024

    func key(for authorization: Authorization, secret: [UInt8]) -> [UInt8] {
        if authorization.form == .access { return secret }
        let place = Self.place(authorization, secret)
        return remembered.withLock { $0[place] } ?? Self.derive(authorization, secret)
    }

    /// Remembers a key whose signature was right: strangers cannot fill the memory with scopes of their own.
    func remember(_ key: [UInt8], for authorization: Authorization, secret: [UInt8]) {
        if authorization.form == .access { return }
        let place = Self.place(authorization, secret)
        remembered.withLock { keys in
            if keys[place] != nil { return }
            if keys.count >= Self.capacity { keys.removeAll(keepingCapacity: true) }
            keys[place] = key
        }
    }

    private static func place(_ authorization: Authorization, _ secret: [UInt8]) -> Place {
        Place(
            accessKey: authorization.accessKey, secret: secret, algorithm: authorization.algorithm,
            scope: authorization.scope)
    }

    static func derive(_ authorization: Authorization, _ secret: [UInt8]) -> [UInt8] {
        switch (authorization.form, authorization.algorithm) {
        case (.access, _):
            return secret
        case (.v3Derived, _):
            return expanded(authorization, secret, info: authorization.scope)
        case (.classic, .plain):
            return chained(authorization, secret)
        case (.classic, .derived):
            let info = "\(authorization.date)/\(authorization.region)/\(authorization.service)"
            return chained(authorization, expanded(authorization, secret, info: info))
        }
    }

    /// The lower-case hexadecimal text of an HKDF: it is the text that serves as a key.
    private static func expanded(_ authorization: Authorization, _ secret: [UInt8], info: String) -> [UInt8] {
        Hex.digits(
            HKDF.sha256(secret: secret, salt: Array(authorization.accessKey.utf8), info: Array(info.utf8)))
    }

    private static func chained(_ authorization: Authorization, _ secret: [UInt8]) -> [UInt8] {
        var key = Array("SDK".utf8) + secret
        for part in [authorization.date, authorization.region, authorization.service, "sdk_request"] {
            key = HMAC.sha256(key: key, part)
        }
        return key
    }
}

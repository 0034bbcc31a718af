/// The key under which secrets are kept in the catalog: passwords of destinations, secret keys, certificates.
///
/// It lives in a file of its own with mode 0600, away from the catalog's records, so that a copy of the catalog alone
/// gives nothing away. Losing the file loses the secrets.
package struct SealingKey: Sendable {
    private let key: [UInt8]

    private static let version: UInt8 = 1
    private static let header = "sluice-sealing-key-1 "

    /// - Parameter key: 32 bytes.
    package init(key: [UInt8]) throws(CryptoError) {
        guard key.count == AESGCM.keyLength else { throw CryptoError(.malformed, "a sealing key has 32 bytes") }
        self.key = key
    }

    /// A fresh random key that is kept nowhere.
    package static func random() -> SealingKey {
        SealingKey(bytes: SecureBytes.random(AESGCM.keyLength))
    }

    private init(bytes: [UInt8]) {
        key = bytes
    }

    /// The key in the file at `path`; a missing file is made first, durably, with mode 0600, and so is its
    /// folder, with mode 0700.
    ///
    /// Two processes that start at once agree on one key. Throws `keyFile` when the file cannot be read or written or is
    /// open to group or others, `malformed` when it holds something else.
    package static func load(creatingAt path: String) throws(CryptoError) -> SealingKey {
        if let text = try OwnerFile.read(path) { return try parse(text, path) }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try OwnerFile.createFolder(String(path[..<slash]))
        }
        try OwnerFile.create(path, text: header + Hex.encode(SecureBytes.random(AESGCM.keyLength)) + "\n")
        guard let text = try OwnerFile.read(path) else {
            throw CryptoError(.keyFile, "the sealing key \(path) vanished while it was made")
        }
        return try parse(text, path)
    }

    private static func parse(_ text: String, _ path: String) throws(CryptoError) -> SealingKey {
        guard text.hasPrefix(header), text.hasSuffix("\n"),
            let key = Hex.decode(text.dropFirst(header.count).dropLast()), key.count == AESGCM.keyLength
        else { throw CryptoError(.malformed, "\(path) does not hold a sealing key") }
        return SealingKey(bytes: key)
    }

    /// The sealed form of `plain`: version, nonce, ciphertext, tag.
    ///
    /// - Parameter context: where the secret belongs, for example its record's key; `open` must name the same, so that
    ///   a sealed value cannot be moved to another place.
    package func seal(_ plain: [UInt8], context: String) -> [UInt8] {
        [Self.version] + AESGCM.seal(plain, key: key, authenticating: Array(context.utf8))
    }

    /// The plain bytes; throws `malformed` for another version, `notAuthentic` for changed bytes or another place.
    package func open(_ sealed: [UInt8], context: String) throws(CryptoError) -> [UInt8] {
        guard sealed.first == Self.version else { throw CryptoError(.malformed, "not sealed by this version") }
        return try AESGCM.open(Array(sealed.dropFirst()), key: key, authenticating: Array(context.utf8))
    }

    /// A key for another purpose, bound to this one (HKDF): 32 bytes, the same after each start.
    package func derivedKey(for purpose: String) -> [UInt8] {
        HKDF.sha256(secret: key, salt: Array("sluice".utf8), info: Array(purpose.utf8))
    }
}

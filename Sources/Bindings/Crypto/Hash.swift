internal import CCrypto

/// A hash function of OpenSSL's default provider. SHA-1 and MD5 are here only because protocols demand them.
package enum HashFunction: Sendable, Hashable, CaseIterable {
    case sha256, sha1, md5

    /// Bytes of a digest.
    package var digestLength: Int {
        switch self {
        case .sha256: 32
        case .sha1: 20
        case .md5: 16
        }
    }

    /// Bytes of a block, as HMAC needs it (RFC 2104); the same for all three.
    static let blockLength = 64

    var method: OpaquePointer {
        switch self {
        case .sha256: HashMethods.sha256.pointer
        case .sha1: HashMethods.sha1.pointer
        case .md5: HashMethods.md5.pointer
        }
    }
}

/// The provider's methods, fetched once: a fetch for each digest would cost more than a short digest itself.
private enum HashMethods {
    // Unchecked: EVP_MD is immutable after the fetch and OpenSSL allows its use from all threads.
    struct Method: @unchecked Sendable {
        let pointer: OpaquePointer

        init(_ name: String) {
            guard let method = EVP_MD_fetch(nil, name, nil) else {
                preconditionFailure("libcrypto offers no \(name)")
            }
            pointer = method
        }
    }

    static let sha256 = Method("SHA256")
    static let sha1 = Method("SHA1")
    static let md5 = Method("MD5")
}

/// A digest in the making: `update` any number of times, then `finish`.
///
/// Not thread-safe, not copyable. OpenSSL can refuse these calls only when memory is exhausted, which ends the process
/// as it does everywhere in Swift.
package struct Hash: ~Copyable {
    private let context: OpaquePointer
    package let function: HashFunction

    package init(_ function: HashFunction) {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, function.method, nil) == 1 else {
            preconditionFailure("libcrypto has no memory for a digest")
        }
        self.context = context
        self.function = function
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        let done = EVP_DigestUpdate(context, base, bytes.count)
        precondition(done == 1, "libcrypto refused to digest")
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The digest of all bytes so far; the value starts anew afterwards.
    package mutating func finish() -> [UInt8] {
        let length = function.digestLength
        let digest = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let done = EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(done == 1, "libcrypto refused to finish a digest")
            count = length
        }
        let again = EVP_DigestInit_ex2(context, function.method, nil)
        precondition(again == 1, "libcrypto refused to start a digest")
        return digest
    }

    /// The digest of `bytes`.
    package static func digest(_ function: HashFunction, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = Hash(function)
        hash.update(bytes)
        return hash.finish()
    }

    /// The digest of `bytes`.
    package static func digest(_ function: HashFunction, _ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { digest(function, $0) }
    }

    /// The digest of the text's UTF-8 bytes.
    package static func digest(_ function: HashFunction, _ text: String) -> [UInt8] {
        digest(function, Array(text.utf8))
    }

    package static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { digest(.sha256, bytes) }
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { digest(.sha256, bytes) }
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(.sha1, bytes) }
    package static func md5(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { digest(.md5, bytes) }
    package static func md5(_ bytes: [UInt8]) -> [UInt8] { digest(.md5, bytes) }
}

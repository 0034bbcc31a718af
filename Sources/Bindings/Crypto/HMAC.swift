/// A keyed message authentication code (RFC 2104) in the making: `update` any number of times, then `finish`.
///
/// Built from two digests, because OpenSSL's own entry points look the algorithm up by name on each call.
package struct HMAC: ~Copyable {
    private var hash: Hash
    private let outerKey: [UInt8]

    /// - Parameter key: of any length; longer than a block it is hashed first, as the RFC says.
    package init(_ function: HashFunction, key: [UInt8]) {
        var block = key.count > HashFunction.blockLength ? Hash.digest(function, key) : key
        block.append(contentsOf: repeatElement(0, count: HashFunction.blockLength - block.count))
        for index in block.indices { block[index] ^= 0x36 }
        hash = Hash(function)
        hash.update(block)
        // From the inner pad to the outer one: 0x36 ^ 0x5c.
        for index in block.indices { block[index] ^= 0x6A }
        outerKey = block
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bytes)
    }

    package mutating func update(_ bytes: [UInt8]) {
        hash.update(bytes)
    }

    package mutating func update(_ text: String) {
        hash.update(text)
    }

    /// The code over all bytes so far; use the value no further.
    package mutating func finish() -> [UInt8] {
        let inner = hash.finish()
        hash.update(outerKey)
        hash.update(inner)
        return hash.finish()
    }

    package static func code(_ function: HashFunction, key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var code = HMAC(function, key: key)
        code.update(bytes)
        return code.finish()
    }

    package static func sha256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] { code(.sha256, key: key, bytes) }
    package static func sha256(key: [UInt8], _ text: String) -> [UInt8] { code(.sha256, key: key, Array(text.utf8)) }
    package static func sha1(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] { code(.sha1, key: key, bytes) }
}

/// The key derivation of RFC 5869 over SHA-256.
package enum HKDF {
    /// - Parameter length: bytes wanted, 1 to 8,160 (255 digests).
    package static func sha256(secret: [UInt8], salt: [UInt8], info: [UInt8], length: Int = 32) -> [UInt8] {
        precondition((1...8160).contains(length), "HKDF gives at most 255 digests")
        let key = HMAC.sha256(key: salt, secret)
        var output = [UInt8]()
        var block = [UInt8]()
        var counter: UInt8 = 0
        while output.count < length {
            counter += 1
            block = HMAC.sha256(key: key, block + info + [counter])
            output += block
        }
        return Array(output.prefix(length))
    }
}

internal import CCrypto

/// Random bytes and comparisons that tell nothing by their timing.
package enum SecureBytes {
    /// Random bytes fit for keys, from OpenSSL's generator seeded by the kernel.
    package static func random(_ count: Int) -> [UInt8] {
        precondition((0...Int(Int32.max)).contains(count))
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let done = count == 0 ? 1 : RAND_priv_bytes(buffer.baseAddress, Int32(count))
            precondition(done == 1, "the system gives no random bytes")
            filled = count
        }
    }

    /// Random text of `[A-Za-z0-9]`, about 5.95 bits a character.
    package static func randomText(_ count: Int, alphabet: String = alphanumerics) -> String {
        let alphabet = Array(alphabet.utf8)
        precondition((2...256).contains(alphabet.count))
        // Bytes above the largest multiple are drawn again, so that each character is equally likely.
        let limit = 256 / alphabet.count * alphabet.count
        var text = [UInt8]()
        while text.count < count {
            for byte in random(count) where Int(byte) < limit && text.count < count {
                text.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    package static let alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    /// Whether both are equal, in a time that depends on the length alone.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Whether both texts have equal UTF-8 bytes, in a time that depends on the length alone.
    package static func equal(_ left: String, _ right: String) -> Bool {
        equal(Array(left.utf8), Array(right.utf8))
    }
}

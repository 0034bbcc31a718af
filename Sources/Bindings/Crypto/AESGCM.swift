internal import CCrypto

/// Authenticated encryption with AES-256-GCM (NIST SP 800-38D): a fresh random nonce of 12 bytes, the ciphertext, a tag
/// of 16 bytes.
package enum AESGCM {
    package static let keyLength = 32
    package static let nonceLength = 12
    package static let tagLength = 16
    /// What sealing adds to the plain bytes.
    package static let overhead = nonceLength + tagLength

    // Unchecked: EVP_CIPHER is immutable after the fetch and OpenSSL allows its use from all threads.
    private struct Method: @unchecked Sendable {
        let pointer: OpaquePointer

        init() {
            guard let method = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
                preconditionFailure("libcrypto offers no AES-256-GCM")
            }
            pointer = method
        }
    }

    private static let method = Method()

    /// Nonce, ciphertext and tag of `plain`; `authenticating` is covered by the tag but not contained.
    package static func seal(_ plain: [UInt8], key: [UInt8], authenticating: [UInt8] = []) -> [UInt8] {
        precondition(key.count == keyLength, "AES-256 keys have 32 bytes")
        precondition(plain.count < Int(Int32.max) && authenticating.count < Int(Int32.max))
        let nonce = SecureBytes.random(nonceLength)
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var sealed = nonce + [UInt8](repeating: 0, count: plain.count + tagLength)
        var length: Int32 = 0
        let done = sealed.withUnsafeMutableBufferPointer { output -> Bool in
            guard let start = output.baseAddress else { return false }
            let text = start + nonceLength
            return EVP_EncryptInit_ex2(context, method.pointer, key, nonce, nil) == 1
                && EVP_EncryptUpdate(context, nil, &length, authenticating, Int32(authenticating.count)) == 1
                && EVP_EncryptUpdate(context, text, &length, plain, Int32(plain.count)) == 1
                && EVP_EncryptFinal_ex(context, text + Int(length), &length) == 1
                && sluice_gcm_get_tag(context, Int32(tagLength), text + plain.count) == 1
        }
        precondition(done, "libcrypto refused to encrypt")
        return sealed
    }

    /// The plain bytes; throws `notAuthentic` unless every byte, the key and `authenticating` are those of `seal`.
    package static func open(
        _ sealed: [UInt8], key: [UInt8], authenticating: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        precondition(key.count == keyLength, "AES-256 keys have 32 bytes")
        let refusal = CryptoError(.notAuthentic, "the sealed bytes do not belong to this key and place")
        guard sealed.count >= overhead, sealed.count < Int(Int32.max), authenticating.count < Int(Int32.max) else {
            throw refusal
        }
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        let plainLength = sealed.count - overhead
        var tag = Array(sealed.suffix(tagLength))
        var plain = [UInt8](repeating: 0, count: plainLength)
        var length: Int32 = 0
        var rest = [UInt8](repeating: 0, count: 16)
        let done = sealed.withUnsafeBufferPointer { input -> Bool in
            guard let start = input.baseAddress else { return false }
            return EVP_DecryptInit_ex2(context, method.pointer, key, start, nil) == 1
                && EVP_DecryptUpdate(context, nil, &length, authenticating, Int32(authenticating.count)) == 1
                && EVP_DecryptUpdate(context, &plain, &length, start + nonceLength, Int32(plainLength)) == 1
                && sluice_gcm_set_tag(context, Int32(tagLength), &tag) == 1
                && EVP_DecryptFinal_ex(context, &rest, &length) == 1
        }
        guard done else { throw refusal }
        return plain
    }
}

import Crypto
import Testing

@Suite struct HashTests {
    // FIPS 180-4 and RFC 1321 examples.
    static let vectors: [(HashFunction, String, String)] = [
        (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (.sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
        (.md5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ]

    @Test(arguments: vectors) func knownDigests(function: HashFunction, text: String, digest: String) {
        #expect(Hex.encode(Hash.digest(function, text)) == digest)
        var hash = Hash(function)
        for character in text { hash.update(String(character)) }
        #expect(Hex.encode(hash.finish()) == digest)
        // The value starts anew after `finish`.
        hash.update(Array(text.utf8))
        #expect(Hex.encode(hash.finish()) == digest)
    }

    // RFC 4231, cases 1, 2 and 6 (a key longer than a block); RFC 2202 case 2 for SHA-1.
    @Test(arguments: [
        (
            HashFunction.sha256, [UInt8](repeating: 0x0b, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            .sha256, Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            .sha256, [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (.sha1, Array("Jefe".utf8), "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    ])
    func knownCodes(function: HashFunction, key: [UInt8], text: String, code: String) {
        #expect(Hex.encode(HMAC.code(function, key: key, Array(text.utf8))) == code)
    }

    // RFC 5869, A.1 and A.3.
    @Test func knownDerivations() {
        let secret = [UInt8](repeating: 0x0b, count: 22)
        let first = HKDF.sha256(
            secret: secret, salt: Array(0...0x0c), info: Array(0xf0...0xf9), length: 42)
        #expect(
            Hex.encode(first)
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        let third = HKDF.sha256(secret: secret, salt: [], info: [], length: 42)
        #expect(
            Hex.encode(third)
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    }
}

@Suite struct HexTests {
    @Test(arguments: ["0", "0g", "zz", "0x", " 0"]) func refuses(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test func readsBothCases() {
        #expect(Hex.decode("00fFA9") == [0, 255, 0xa9] && Hex.encode([0, 255, 0xa9] as [UInt8]) == "00ffa9")
    }
}

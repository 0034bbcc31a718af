import Crypto
import Foundation
import Testing

@Suite struct SealingTests {
    @Test(arguments: [0, 1, 15, 16, 17, 5000]) func opensWhatItSealed(length: Int) throws {
        let key = SealingKey.random()
        let plain = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        let sealed = key.seal(plain, context: "secret/1")
        #expect(try key.open(sealed, context: "secret/1") == plain)
        #expect(key.seal(plain, context: "secret/1") != sealed)
        for index in sealed.indices.filter({ $0 < 40 || $0 + 20 > sealed.count }) {
            var changed = sealed
            changed[index] ^= 0x40
            #expect(throws: CryptoError.self) { try key.open(changed, context: "secret/1") }
        }
        for count in [0, 1, 28, sealed.count - 1] where count < sealed.count {
            #expect(throws: CryptoError.self) { try key.open(Array(sealed.prefix(count)), context: "secret/1") }
        }
        #expect(throws: CryptoError.self) { try key.open(sealed, context: "secret/2") }
        #expect(throws: CryptoError.self) { try SealingKey.random().open(sealed, context: "secret/1") }
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func keyFileIsMadeOnceForItsOwnerAlone() throws {
        try withFolder { folder in
            let path = folder + "/keys/sealing.key"
            let sealed = try SealingKey.load(creatingAt: path).seal([1, 2, 3], context: "x")
            #expect(try SealingKey.load(creatingAt: path).open(sealed, context: "x") == [1, 2, 3])
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/keys") == ["sealing.key"])
            let folderMode =
                try FileManager.default.attributesOfItem(atPath: folder + "/keys")[.posixPermissions] as? Int
            #expect(folderMode == 0o700)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            #expect(throws: CryptoError.self) { try SealingKey.load(creatingAt: path) }
        }
    }

    @Test(arguments: [
        "", "sluice-sealing-key-1 00\n", "sluice-sealing-key-2 " + String(repeating: "0", count: 64) + "\n",
    ])
    func refusesAnotherKeyFile(text: String) throws {
        try withFolder { folder in
            let path = folder + "/sealing.key"
            try OwnerFile.create(path, text: text)
            #expect(throws: CryptoError.self) { try SealingKey.load(creatingAt: path) }
        }
    }

    @Test func keyFileInMissingFolderIsAnError() {
        #expect(throws: CryptoError.self) { try SealingKey.load(creatingAt: "/nonexistent-folder/keys/sealing.key") }
    }
}

@Suite struct PasswordHashTests {
    // RFC 7914, section 12, third vector, in this text form.
    @Test func knownHash() throws {
        let text =
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
            + "cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"
        #expect(try PasswordHash(parsing: text).matches("pleaseletmein"))
        #expect(try PasswordHash(parsing: text).description == text)
    }

    @Test func matchesItsPasswordAlone() throws {
        let stored = try PasswordHash(parsing: PasswordHash(of: "pässword", cost: .minimal).description)
        #expect(try stored.matches("pässword"))
        #expect(try !stored.matches("passwörd"))
        #expect(try !stored.matches(""))
        #expect(try PasswordHash(of: "x", cost: .minimal) != PasswordHash(of: "x", cost: .minimal))
        #expect(try PasswordHash(of: "", cost: .minimal).matches(""))
    }

    @Test(arguments: [
        "", "x", "$scrypt$ln=4,r=8,p=1$AAAA", "$scrypt$ln=40,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=20,r=32,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=8$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    ])
    func refusesOtherText(text: String) {
        #expect(throws: CryptoError.self) { try PasswordHash(parsing: text) }
    }
}

@Suite struct SecureBytesTests {
    @Test func comparesAndDraws() {
        #expect(SecureBytes.equal("abc", "abc") && !SecureBytes.equal("abc", "abd") && !SecureBytes.equal("", "a"))
        #expect(SecureBytes.equal([UInt8](), []))
        #expect(SecureBytes.random(32) != SecureBytes.random(32) && SecureBytes.random(0).isEmpty)
        let text = SecureBytes.randomText(1000)
        #expect(text.utf8.count == 1000 && Set(text).count == 62)
    }
}

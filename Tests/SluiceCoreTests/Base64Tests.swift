import Foundation
import SluiceCore
import Testing

/// All vector widths share one process-wide switch, so these tests run one after another.
@Suite(.serialized)
struct Base64Tests {
    static let levels = [0, 1, 2]

    @Test(arguments: levels)
    func agreesWithFoundationOnAllLengths(level: Int) throws {
        Base64.limitVectors(to: level)
        defer { Base64.limitVectors(to: 2) }
        var random = SystemRandomNumberGenerator()
        let source = (0..<600).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        for length in 0...520 {
            let start = length % 33
            let bytes = Array(source[start..<start + length])
            let text = Data(bytes).base64EncodedString()
            #expect(Base64.encode(bytes) == text)
            #expect(Base64.decode(text) == bytes)
            let bare = text.replacingOccurrences(of: "=", with: "")
            #expect(Base64.decode(bare) == bytes)
            let safe = bare.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            #expect(Base64.decode(safe) == bytes)
            #expect(Base64.encode(bytes, .urlSafe) == safe)
            #expect(Base64.decode(canonical: text) == bytes)
            #expect(Base64.decode(canonical: safe, .urlSafe) == bytes)
        }
    }

    @Test(arguments: levels)
    func refusesEveryForeignCharacterAtEveryPlace(level: Int) {
        Base64.limitVectors(to: level)
        defer { Base64.limitVectors(to: 2) }
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_".utf8)
        for length in [4, 7, 44, 64, 88, 91, 152, 200] {
            let clean = [UInt8](repeating: UInt8(ascii: "Q"), count: length)
            for place in 0..<length {
                for byte in UInt8.min ... .max {
                    var text = clean
                    text[place] = byte
                    let decoded = text.withUnsafeBytes { Base64.decode($0) }
                    let padding = byte == UInt8(ascii: "=") && place == length - 1 && length % 4 == 0
                    #expect((decoded != nil) == (alphabet.contains(byte) || padding))
                }
            }
        }
    }

    @Test(arguments: [
        "A", "AAAAA", "=", "==", "===", "====", "A=", "A===", "AA=", "AA===", "AAA==", "AAAA====", "AA==AA==",
        "AAA=A", "AA A", "AAA\n", "AAAA\r\n", "QUJD ", "QUJ\u{e9}", "AAA=AAAA",
    ])
    func refuses(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(arguments: [("", ""), ("AA", "\0"), ("AA==", "\0"), ("AAA", "\0\0"), ("AAA=", "\0\0"), ("_-8", "\u{ff}")])
    func accepts(text: String, expected: String) {
        if text == "_-8" {
            #expect(Base64.decode(text) == [0xff, 0xef])
        } else {
            #expect(Base64.decode(text) == Array(expected.utf8))
        }
    }

    @Test(arguments: ["A", "AB", "AQ=I", "AQI", "AR==", "AQJ=", "====", "A Q=", "__==", "AQI=\n"])
    func refusesAllButTheCanonicalText(text: String) {
        #expect(Base64.decode(canonical: text) == nil)
    }

    @Test(arguments: ["A", "AR", "AQJ", "AQI=", "AQ==", "++++", "A+-_", "AQI\n"])
    func refusesAllButTheCanonicalURLSafeText(text: String) {
        #expect(Base64.decode(canonical: text, .urlSafe) == nil)
    }

    /// A vector store must not reach beyond the bytes that the text stands for.
    @Test(arguments: levels)
    func encodesIntoExactRoom(level: Int) {
        Base64.limitVectors(to: level)
        defer { Base64.limitVectors(to: 2) }
        for length in 0...300 {
            let bytes = [UInt8](repeating: 0x5a, count: length)
            var room = [UInt8](repeating: 0xee, count: Base64.encodedCount(length) + 64)
            let count = room.withUnsafeMutableBytes { room in
                bytes.withUnsafeBytes { bytes in
                    Base64.encode(
                        bytes, into: UnsafeMutableRawBufferPointer(rebasing: room[..<Base64.encodedCount(length)]))
                }
            }
            #expect(count == Base64.encodedCount(length))
            #expect(room[count...].allSatisfy { $0 == 0xee })
        }
    }
}

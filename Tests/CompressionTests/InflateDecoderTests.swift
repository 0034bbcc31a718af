import Compression
import Testing

@Suite struct InflateDecoderTests {
    static func inflate(_ file: [UInt8], inPiecesOf size: Int) throws -> [UInt8] {
        var decoder = try InflateDecoder()
        var plain: [UInt8] = []
        for start in stride(from: 0, to: file.count, by: size) {
            try decoder.append(Array(file[start..<min(start + size, file.count)])) { piece in
                #expect(!piece.isEmpty && piece.count <= 1 << 16)
                plain += piece
            }
        }
        try decoder.finish()
        return plain
    }

    static let texts: [[UInt8]] = [
        [], Array("one".utf8), [UInt8](repeating: 7, count: 3 << 20),
        (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
    ]

    @Test(arguments: texts.indices, [1, 9]) func piecesMakeTheWhole(text: Int, level: Int) throws {
        let text = Self.texts[text]
        let file = try Compression.compress(text, as: .gzip, level: level)
        for size in [1000, 70_000, file.count] { #expect(try Self.inflate(file, inPiecesOf: size) == text) }
        // Members of gzip may follow one another.
        #expect(try Self.inflate(file + file, inPiecesOf: 999) == text + text)
    }

    @Test(arguments: [1, 100]) func refusesEveryCutAndWhatFollows(size: Int) throws {
        let text = Array("some words, some words, some words".utf8)
        let file = try Compression.compress(text, as: .gzip)
        for count in 0..<file.count {
            #expect(throws: CompressionError.self) { try Self.inflate(Array(file[..<count]), inPiecesOf: size) }
            var damaged = file
            damaged[count] ^= 0x10
            // Bits that say nothing of the content, such as the file's time, may change, but never the content.
            if let found = try? Self.inflate(damaged, inPiecesOf: size) { #expect(found == text, "byte \(count)") }
        }
        #expect(throws: CompressionError.self) { try Self.inflate(file + [0], inPiecesOf: size) }
    }
}

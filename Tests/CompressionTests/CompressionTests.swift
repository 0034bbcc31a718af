import Foundation
import Testing

@testable import Compression

@Suite
struct CompressionTests {
    static let limit = 1 << 20

    static let texts: [[UInt8]] = [
        [], [7], Array("the same words, the same words, the same words".utf8),
        [UInt8](repeating: 0, count: 300_000),
        (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
    ]

    @Test(arguments: ContentCoding.allCases, texts.indices)
    func givesBackWhatWasCompressed(coding: ContentCoding, textIndex: Int) throws {
        let text = Self.texts[textIndex]
        let compressed = try Compression.compress(text, as: coding)
        #expect(
            try Compression.decompress(compressed, as: coding, announcedSize: text.count, limit: Self.limit) == text)
        #expect(
            try Compression.decompress(compressed, as: coding, announcedSize: text.count, limit: text.count) == text)
        if coding != .lz4 {
            #expect(try Compression.decompress(compressed, as: coding, limit: text.count) == text)
        }
        #expect(try Compression.compress(text, as: coding) == compressed)
    }

    @Test(arguments: ContentCoding.allCases, texts.indices.dropFirst())
    func refusesMoreThanTheLimit(coding: ContentCoding, textIndex: Int) throws {
        let text = Self.texts[textIndex]
        let compressed = try Compression.compress(text, as: coding)
        #expect(
            code {
                try Compression.decompress(compressed, as: coding, announcedSize: text.count, limit: text.count - 1)
            }
                == .tooLarge)
        if coding != .lz4 {
            #expect(code { try Compression.decompress(compressed, as: coding, limit: text.count - 1) } == .tooLarge)
            #expect(code { try Compression.decompress(compressed, as: coding, limit: 0) } == .tooLarge)
        }
    }

    @Test(arguments: ContentCoding.allCases, texts.indices.dropFirst())
    func refusesAWrongAnnouncement(coding: ContentCoding, textIndex: Int) throws {
        let text = Self.texts[textIndex]
        let compressed = try Compression.compress(text, as: coding)
        for size in [text.count + 1, text.count - 1, -1] {
            #expect(
                code { try Compression.decompress(compressed, as: coding, announcedSize: size, limit: Self.limit) }
                    == .damaged)
        }
    }

    @Test(arguments: ContentCoding.allCases)
    func refusesEveryCutAndWhatFollows(coding: ContentCoding) throws {
        let text = Self.texts[2]
        let compressed = try Compression.compress(text, as: coding)
        for length in 0..<compressed.count {
            #expect(
                code {
                    try Compression.decompress(
                        Array(compressed[..<length]), as: coding, announcedSize: text.count, limit: Self.limit)
                } == .damaged)
            if coding != .lz4 {
                #expect(
                    code {
                        try Compression.decompress(Array(compressed[..<length]), as: coding, limit: Self.limit)
                    } == .damaged)
            }
        }
        for tail in [[0], [0xff, 0xff], compressed] where !(coding == .gzip && tail == compressed) {
            #expect(
                code {
                    try Compression.decompress(
                        compressed + tail, as: coding, announcedSize: text.count, limit: Self.limit)
                } == .damaged)
        }
    }

    /// Damage is refused or yields bytes within the limit; it never reads or writes elsewhere.
    @Test(arguments: ContentCoding.allCases, [1, 2, 3, 4] as [UInt64])
    func survivesDamage(coding: ContentCoding, seed: UInt64) throws {
        var state = seed
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let compressed = try Compression.compress(Self.texts[2] + Self.texts[2], as: coding)
        for _ in 0..<500 {
            var damaged = compressed
            for _ in 0...draw(4) { damaged[draw(damaged.count)] = UInt8(draw(256)) }
            let plain = try? Compression.decompress(damaged, as: coding, announcedSize: draw(200), limit: 150)
            #expect((plain ?? []).count <= 150)
        }
    }

    /// Bodies as the Java client compressed them.
    @Test(
        arguments: [
            (
                ContentCoding.lz4, "8A97ImFwcF9uYW1lIjoiaG8xYzl1OTU1bS1hMjA3In0=", 30,
                "{\"app_name\":\"ho1c9u955m-a207\"}"
            ),
            (.snappy, "HnR7ImFwcF9uYW1lIjoiaG8xYzl1OTU1bS1hMjExIn0=", nil, "{\"app_name\":\"ho1c9u955m-a211\"}"),
            (.zstd, "KLUv/SAe8QAAeyJhcHBfbmFtZSI6ImhvMWM5dTk1NW0tYTIxNSJ9", 30, "{\"app_name\":\"ho1c9u955m-a215\"}"),
            (
                .lz4,
                """
                9SF7InByaXZhdGUiOmZhbHNlLCJzdHJlYW1fbmFtZSI6ImhvMWM5dTk1NW0tczIwNiIgADB0eXAgAPAXQ09NTU9OIiwicGFydGl0aW9u\
                X2NvdW50IjoyLCJkYXRhX2R1cmEYAEMiOjI0EwADPACmQkxPQiIsImlzX4QAUGFsc2V9
                """, 149,
                """
                {"private":false,"stream_name":"ho1c9u955m-s206","stream_type":"COMMON","partition_count":2,\
                "data_duration":24,"data_type":"BLOB","is_private":false}
                """
            ),
        ] as [(ContentCoding, String, Int?, String)])
    func readsTheJavaClient(coding: ContentCoding, body: String, size: Int?, text: String) throws {
        let bytes = try #require(Data(base64Encoded: body))
        let plain = try Compression.decompress(Array(bytes), as: coding, announcedSize: size, limit: Self.limit)
        #expect(String(decoding: plain, as: UTF8.self) == text)
    }

    @Test
    func readsSeveralGzipMembers() throws {
        let one = try Compression.compress(Array("one ".utf8), as: .gzip)
        let two = try Compression.compress(Array("two".utf8), as: .gzip)
        #expect(try Compression.decompress(one + two, as: .gzip, limit: 100) == Array("one two".utf8))
    }

    @Test
    func readsDeflateWithAndWithoutItsWrapping() throws {
        let text = Self.texts[2]
        for format in [DeflateFormat.zlib, .bare] {
            var encoder = try DeflateEncoder(format)
            var compressed: [UInt8] = []
            try encoder.append(text, to: &compressed)
            try encoder.finish(into: &compressed)
            #expect(try Compression.decompress(compressed, as: .deflate, limit: 100) == text)
        }
    }

    @Test
    func refusesAnLZ4BlockOfUnknownLength() throws {
        #expect(code { try Compression.decompress([0], as: .lz4, limit: 10) } == .sizeMissing)
    }

    /// A few bytes do not make the server allocate a whole request's memory.
    @Test(
        arguments: [(ContentCoding.lz4, [0x10, 0x41]), (.snappy, [0x80, 0x80, 0x40, 0x00])]
            as [(ContentCoding, [UInt8])])
    func refusesImpossibleRatios(coding: ContentCoding, bytes: [UInt8]) {
        #expect(
            code { try Compression.decompress(bytes, as: coding, announcedSize: 1 << 20, limit: 1 << 20) } == .damaged)
    }

    @Test
    func encodersTakePieces() throws {
        let text = Self.texts[4]
        var gzip = try DeflateEncoder(.gzip, level: 1)
        var zstd = try ZstdEncoder(level: 1)
        var deflated: [UInt8] = []
        var framed: [UInt8] = []
        for start in stride(from: 0, to: text.count, by: 777) {
            let piece = Array(text[start..<min(start + 777, text.count)])
            try gzip.append(piece, to: &deflated)
            try zstd.append(piece, to: &framed)
        }
        try gzip.finish(into: &deflated)
        try zstd.finish(into: &framed)
        #expect(try Compression.decompress(deflated, as: .gzip, limit: text.count) == text)
        #expect(try Compression.decompress(framed, as: .zstd, limit: text.count) == text)
    }

    @Test(
        arguments: [
            ("lz4", .lz4), ("SNAPPY", .snappy), ("zstd", .zstd), ("gzip", .gzip), ("x-gzip", .gzip),
            ("deflate", .deflate),
            ("br", nil), ("", nil), ("gzip, gzip", nil), ("identity", nil),
        ] as [(String, ContentCoding?)])
    func knowsCodingsByName(name: String, coding: ContentCoding?) {
        #expect(ContentCoding(contentEncoding: name) == coding)
    }

    func code(_ body: () throws -> [UInt8]) -> CompressionError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? CompressionError)?.code
        }
    }
}

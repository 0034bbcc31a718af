import SluiceCore
import SluiceFormats
import Testing

/// Random files of one schema: what they say depends on their records alone, and nothing that is damaged passes.
@Suite struct ParquetContentTests {
    static func records(_ seed: UInt64, count: Int) -> [String] {
        var state = seed
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        return (0..<count).map { index in
            let tags = (0..<next() % 3).map { _ in "\"t\(next() % 9)\"" }.joined(separator: ",")
            let price = next() % 2 == 0 ? "null" : "\(next() % 1000).25"
            let site = next() % 4 == 0 ? "null" : "{\"s\(next() % 5)\":{\"floor\":\(next() % 7)}}"
            return
                "{\"id\":\(index),\"name\":\"n\(next() % 50)\",\"tags\":[\(tags)],\"price\":\(price),\"sites\":\(site)}"
        }
    }

    static func file(_ records: [String], _ codec: ParquetFile.Codec, level: Int = 3) throws -> [UInt8] {
        var file = try ParquetFile(
            schema: .parsing(ParquetFileTests.schema), codec: codec, rowGroupSize: .kibibytes(16), zstdLevel: level)
        for record in records { try file.append(Array(record.utf8)) }
        return try file.finish()
    }

    struct Content: Equatable {
        var length: Int
        var crc32c: UInt32
    }

    static func content(
        _ file: [UInt8], _ codec: ParquetFile.Codec, inPiecesOf size: Int = 1 << 20
    ) throws(ParquetContent.Fault) -> Content {
        var content = ParquetContent(codec: codec)
        for start in stride(from: 0, to: file.count, by: size) {
            try content.append(Array(file[start..<min(start + size, file.count)]))
        }
        let found = try content.finish()
        return Content(length: found.length, crc32c: found.crc32c)
    }

    @Test(arguments: [0, 1, 700]) func isThatOfTheRecordsWhateverCompressesThem(count: Int) throws {
        let records = Self.records(1, count: count)
        let plain = try Self.file(records, .none)
        let expected = try Self.content(plain, .none)
        var files: Set<[UInt8]> = [plain]
        for level in [1, 3, 19] {
            let file = try Self.file(records, .zstd, level: level)
            #expect(try Self.content(file, .zstd) == expected)
            files.insert(file)
        }
        let snappy = try Self.file(records, .snappy)
        #expect(try Self.content(snappy, .snappy, inPiecesOf: 77) == expected)
        #expect(count < 700 || files.union([snappy]).count == 5)
        for other in [records + ["{\"id\":0}"], records.dropLast(), Array(records.reversed())] where other != records {
            #expect(try Self.content(Self.file(other, .zstd), .zstd) != expected)
        }
        guard count > 0 else { return }
        #expect(throws: ParquetContent.Fault.self) { try Self.content(plain, .snappy) }
        #expect(throws: ParquetContent.Fault.self) { try Self.content(snappy, .zstd) }
    }

    /// A page of nothing takes three bytes, and noting it more: whoever can write a file does not decide on the memory.
    @Test func aFileOfEmptyPagesIsGivenUp() throws {
        var content = ParquetContent(codec: .none, pagesMax: 100)
        let emptyPage: [UInt8] = [0x5C, 0, 0]
        try content.append(Array("PAR1".utf8) + Array(repeatElement(emptyPage, count: 100).joined()))
        #expect(throws: ParquetContent.Fault.self) { try content.append(emptyPage) }
    }

    @Test(arguments: [ParquetFile.Codec.none, .snappy, .zstd]) func damageNeverPasses(
        codec: ParquetFile.Codec
    ) throws {
        let file = try Self.file(Self.records(2, count: 60), codec)
        let expected = try Self.content(file, codec)
        let author = try #require(file.firstRange(of: Array("sluice version".utf8)))
        for index in file.indices {
            #expect(throws: ParquetContent.Fault.self) { try Self.content(Array(file[..<index]), codec) }
            // Who wrote the file says nothing of its content.
            guard !(author.lowerBound..<author.upperBound + 8).contains(index) else { continue }
            var damaged = file
            damaged[index] ^= 1 << UInt8(index % 8)
            do throws(ParquetContent.Fault) {
                #expect(try Self.content(damaged, codec) != expected, "byte \(index)")
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(throws: ParquetContent.Fault.self) { try Self.content(file + file, codec) }
        #expect(throws: ParquetContent.Fault.self) { try Self.content(file + [0], codec) }
    }
}

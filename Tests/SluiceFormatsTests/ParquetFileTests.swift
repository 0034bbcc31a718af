import SluiceCore
import SluiceFormats
import Testing

@Suite struct ParquetFileTests {
    static let schema = """
        {"type": "record", "name": "R", "fields": [
            {"name": "id", "type": "long"},
            {"name": "name", "type": "string", "default": "nobody"},
            {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
            {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 3}]},
            {"name": "sites", "type": ["null", {"type": "map", "values":
                {"type": "record", "name": "Site", "fields": [{"name": "floor", "type": ["null", "int"]}]}}]}]}
        """

    static func file(_ codec: ParquetFile.Codec = .zstd, _ size: ByteCount = .mebibytes(1)) throws -> ParquetFile {
        try ParquetFile(schema: .parsing(schema), codec: codec, rowGroupSize: size)
    }

    static func bytes(of records: [String], _ codec: ParquetFile.Codec = .zstd) throws -> [UInt8] {
        var file = try file(codec)
        for record in records { try file.append(Array(record.utf8)) }
        return try file.finish()
    }

    static let same: [[String]] = [
        [
            "{\"id\":5}", "{\"id\":5.0}", "{\"id\":5e0}", "{\"id\":0.5E+1}", " { \"id\" : 50e-1 } ",
            "{\"id\":5,\"x\":[{}]}",
        ],
        ["{\"id\":1,\"name\":\"nobody\"}", "{\"id\":1}", "{\"name\":\"nobody\",\"id\":1}", "{\"\\u0069d\":1}"],
        ["{\"id\":2}", "{\"id\":1,\"id\":2}", "{\"id\":\"x\",\"id\":2}", "{\"id\":2,\"price\":7,\"price\":null}"],
        [
            "{\"id\":1,\"price\":1.5}", "{\"id\":1,\"price\":\"1.500\"}", "{\"id\":1,\"price\":15e-1}",
            "{\"id\":1,\"price\":{\"bytes\":1.5}}",
            "{\"id\":1,\"price\":1.5000000000000000000000000000000000000000000}",
        ],
        [
            "{\"id\":1,\"sites\":{\"x\":{\"floor\":2}}}", "{\"id\":1,\"sites\":{\"map\":{\"x\":{\"floor\":2}}}}",
            "{\"id\":1,\"sites\":{\"map\":{\"x\":{\"floor\":\"?\",\"floor\":2}}}}",
        ],
        ["{\"id\":1,\"tags\":[\"a\u{E9}\"]}", "{\"id\":1,\"tags\":[\"\\u0061\\u00e9\"]}"],
    ]

    @Test(arguments: same) func areTheSameRecord(forms: [String]) throws {
        let first = try Self.bytes(of: [forms[0]])
        for form in forms.dropFirst() { #expect(try Self.bytes(of: [form]) == first, "\(form)") }
    }

    @Test(arguments: [ParquetFile.Codec.none, .snappy, .zstd]) func sameRecordsGiveTheSameBytes(
        codec: ParquetFile.Codec
    ) throws {
        let records = (0..<5000).map {
            "{\"id\":\($0),\"name\":\"n\($0 % 40)\",\"tags\":[\"\($0)\"],\"price\":\($0).125}"
        }
        var whole = try Self.file(codec, .kibibytes(64))
        var pieces = try Self.file(codec, .kibibytes(64))
        var taken: [UInt8] = []
        for record in records {
            try whole.append(Array(record.utf8))
            try pieces.append(Array(record.utf8))
            // Failures in between leave nothing either.
            #expect(throws: ConversionFailure.self) {
                try pieces.append(Array("{\"id\":1,\"name\":\"gone\",\"x\":}".utf8))
            }
            if pieces.hasOutput { taken += pieces.takeOutput() }
        }
        #expect(taken.count > 0)
        taken += try pieces.finish()
        let bytes = try whole.finish()
        #expect(bytes == taken)
        #expect(bytes.prefix(4) == Array("PAR1".utf8)[...] && bytes.suffix(4) == Array("PAR1".utf8)[...])
    }

    @Test func nothingComesBeforeARowGroupIsFull() throws {
        var file = try Self.file(.none, .kibibytes(1))
        let name = String(repeating: "x", count: 600)
        let waits = file.hasOutput
        let nothing = file.takeOutput()
        try file.append(Array("{\"id\":1,\"name\":\"\(name)\"}".utf8))
        let stillWaits = file.hasOutput
        try file.append(Array("{\"id\":2,\"name\":\"\(name)\"}".utf8))
        let isThere = file.hasOutput
        let group = file.takeOutput()
        let isTaken = !file.hasOutput
        #expect(!waits && nothing.isEmpty && !stillWaits && isThere && isTaken)
        #expect(group.prefix(4) == Array("PAR1".utf8)[...])
    }

    @Test func memoryIsThatOfARowGroup() throws {
        var file = try Self.file(.snappy, .mebibytes(1))
        let name = String(repeating: "x", count: 1000)
        var most = 0
        for id in 0..<20_000 {
            try file.append(Array("{\"id\":\(id),\"name\":\"\(name)\(id)\",\"tags\":[\"a\",\"b\(id)\"]}".utf8))
            if file.hasOutput { _ = file.takeOutput() }
            most = max(most, file.memoryUsed)
        }
        #expect(most > 1 << 20)
        #expect(most < 12 << 20)
    }
}

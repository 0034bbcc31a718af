import SluiceCore
import SluiceFormats
import Testing

/// What is refused, and in which words: the words reach people through parked records.
@Suite struct ConversionFailureTests {
    static let schema = """
        {"type": "record", "name": "com.example.Reading", "fields": [
            {"name": "id", "type": "int"},
            {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
            {"name": "local", "type": ["null", {"type": "long", "logicalType": "local-timestamp-micros"}]},
            {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
            {"name": "time", "type": ["null", {"type": "int", "logicalType": "time-millis"}]},
            {"name": "total", "type": ["null", "long"]},
            {"name": "ratio", "type": ["null", "float"]},
            {"name": "value", "type": ["null", "double"]},
            {"name": "isOn", "type": ["null", "boolean"]},
            {"name": "name", "type": ["null", "string"]},
            {"name": "raw", "type": ["null", "bytes"]},
            {"name": "mac", "type": ["null", {"type": "fixed", "name": "Mac", "size": 6}]},
            {"name": "kind", "type": ["null", {"type": "enum", "name": "Kind", "symbols": ["HOT", "COLD"]}]},
            {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}]},
            {"name": "key", "type": ["null", {"type": "string", "logicalType": "uuid"}]},
            {"name": "site", "type": ["null", {"type": "record", "name": "Site", "fields": [
                {"name": "city", "type": "string"},
                {"name": "floors", "type": {"type": "array", "items": "int"}, "default": []}]}]},
            {"name": "labels", "type": ["null", {"type": "map", "values": "string"}]},
            {"name": "either", "type": ["null", "int", "boolean"]}]}
        """

    static let refused: [(json: String, cause: String)] = [
        ("", "the record is not JSON (at byte 1)"),
        ("  ", "the record is not JSON (at byte 3)"),
        ("{", "the record is not JSON (at byte 2)"),
        ("{\"id\":1", "the record is not JSON (at byte 8)"),
        ("{\"id\":1,}", "the record is not JSON (at byte 9)"),
        ("{\"id\" 1}", "the record is not JSON (at byte 7)"),
        ("{\"id\":01}", "the record is not JSON (at byte 8)"),
        ("{\"id\":1.}", "the record is not JSON (at byte 9)"),
        ("{\"id\":+1}", "the record is not JSON (at byte 7)"),
        ("{\"id\":1,\"x\":tru}", "the record is not JSON (at byte 13)"),
        ("{\"id\":1,\"x\":[1,]}", "the record is not JSON (at byte 16)"),
        ("{\"id\":1,\"x\":\"\\ud800\"}", "the record is not JSON (at byte 13)"),
        ("{'id':1}", "the record is not JSON (at byte 2)"),
        ("{\"id\":1} x", "more than one JSON value (at byte 10)"),
        ("{\"id\":1}{\"id\":2}", "more than one JSON value (at byte 9)"),
        ("[]", "the record is not a JSON object"),
        ("null", "the record is not a JSON object"),
        ("\"text\"", "the record is not a JSON object"),
        ("{}", "field `id` is missing"),
        ("{\"ID\":1}", "field `id` is missing"),
        ("{\"id\":null}", "field `id` is null, but must have a value"),
        ("{\"id\":\"1\"}", "field `id` is not a number"),
        ("{\"id\":true}", "field `id` is not a number"),
        ("{\"id\":1.5}", "field `id` is not a whole number"),
        ("{\"id\":1e-1}", "field `id` is not a whole number"),
        ("{\"id\":2147483648}", "field `id` is out of range"),
        ("{\"id\":-2147483649}", "field `id` is out of range"),
        ("{\"id\":1e999}", "field `id` is out of range"),
        ("{\"id\":{\"int\":1}}", "field `id` is not a number"),
        ("{\"id\":1,\"total\":9223372036854775808}", "field `total` is out of range"),
        ("{\"id\":1,\"total\":{\"int\":5}}", "field `total` is not a number"),
        ("{\"id\":1,\"total\":{\"long\":5,\"x\":1}}", "field `total` names its type, but has more than one member"),
        ("{\"id\":1,\"total\":{\"long\":null}}", "field `total` is not a number"),
        ("{\"id\":1,\"ratio\":1e39}", "field `ratio` is out of range"),
        ("{\"id\":1,\"value\":1e309}", "field `value` is out of range"),
        ("{\"id\":1,\"value\":\"1\"}", "field `value` is not a number"),
        ("{\"id\":1,\"value\":NaN}", "the record is not JSON (at byte 17)"),
        ("{\"id\":1,\"isOn\":0}", "field `isOn` is not true or false"),
        ("{\"id\":1,\"isOn\":\"true\"}", "field `isOn` is not true or false"),
        ("{\"id\":1,\"name\":7}", "field `name` is not text"),
        ("{\"id\":1,\"raw\":\"\u{100}\"}", "field `raw` is no bytes: characters must be U+0000 to U+00FF"),
        ("{\"id\":1,\"raw\":\"\\u0100\"}", "field `raw` is no bytes: characters must be U+0000 to U+00FF"),
        ("{\"id\":1,\"raw\":[1]}", "field `raw` is not text"),
        ("{\"id\":1,\"mac\":\"12345\"}", "field `mac` does not have 6 bytes"),
        ("{\"id\":1,\"kind\":\"WARM\"}", "field `kind` is no symbol of its enum"),
        ("{\"id\":1,\"kind\":\"hot\"}", "field `kind` is no symbol of its enum"),
        ("{\"id\":1,\"kind\":0}", "field `kind` is not text"),
        ("{\"id\":1,\"price\":1.234}", "field `price` has more than 2 decimal places"),
        ("{\"id\":1,\"price\":10000}", "field `price` has more than 6 digits"),
        ("{\"id\":1,\"price\":1e40}", "field `price` has more than 6 digits"),
        ("{\"id\":1,\"price\":\"12,5\"}", "field `price` is no decimal number"),
        ("{\"id\":1,\"price\":\"\"}", "field `price` is no decimal number"),
        ("{\"id\":1,\"price\":\"\\u0001\"}", "field `price` is no decimal number"),
        ("{\"id\":1,\"key\":\"550e8400e29b41d4a716446655440000\"}", "field `key` is no UUID"),
        ("{\"id\":1,\"key\":\"550e8400-e29b-41d4-a716-44665544000g\"}", "field `key` is no UUID"),
        ("{\"id\":1,\"at\":\"yesterday\"}", "field `at` is no timestamp like 2026-01-02T03:04:05Z and no number"),
        (
            "{\"id\":1,\"at\":\"2026-02-29T00:00:00Z\"}",
            "field `at` is no timestamp like 2026-01-02T03:04:05Z and no number"
        ),
        (
            "{\"id\":1,\"at\":\"2026-01-02T24:00:00Z\"}",
            "field `at` is no timestamp like 2026-01-02T03:04:05Z and no number"
        ),
        (
            "{\"id\":1,\"at\":\"2026-01-02T00:00:00+24:00\"}",
            "field `at` is no timestamp like 2026-01-02T03:04:05Z and no number"
        ),
        ("{\"id\":1,\"at\":1.5}", "field `at` is not a whole number"),
        (
            "{\"id\":1,\"local\":\"2026-01-02T00:00:00Z\"}",
            "field `local` is no timestamp like 2026-01-02T03:04:05Z and no number"
        ),
        ("{\"id\":1,\"day\":\"2026-13-01\"}", "field `day` is no date like 2026-01-02 and no number of days"),
        ("{\"id\":1,\"day\":\"2026-01-02T00:00\"}", "field `day` is no date like 2026-01-02 and no number of days"),
        ("{\"id\":1,\"time\":86400000}", "field `time` is out of range"),
        ("{\"id\":1,\"time\":-1}", "field `time` is out of range"),
        ("{\"id\":1,\"time\":\"12:60\"}", "field `time` is no time of day like 12:34:56.789 and no number"),
        ("{\"id\":1,\"time\":\"12:34:56.\"}", "field `time` is no time of day like 12:34:56.789 and no number"),
        ("{\"id\":1,\"site\":{}}", "field `site.city` is missing"),
        ("{\"id\":1,\"site\":[]}", "field `site` is not an object"),
        ("{\"id\":1,\"site\":{\"city\":\"Bonn\",\"floors\":{}}}", "field `site.floors` is not an array"),
        ("{\"id\":1,\"site\":{\"city\":\"Bonn\",\"floors\":[1,\"2\"]}}", "field `site.floors[]` is not a number"),
        (
            "{\"id\":1,\"site\":{\"city\":\"Bonn\",\"floors\":[null]}}",
            "field `site.floors[]` is null, but must have a value"
        ),
        ("{\"id\":1,\"labels\":[]}", "field `labels` is not an object"),
        ("{\"id\":1,\"labels\":{\"a\":1}}", "field `labels.*` is not text"),
        ("{\"id\":1,\"either\":\"x\"}", "field `either` is of no type of its union"),
        ("{\"id\":1,\"either\":1.5}", "field `either` is not a whole number"),
    ]

    @Test(arguments: refused) func isRefused(json: String, cause: String) throws {
        var file = try ParquetFile(schema: .parsing(Self.schema), codec: .none, rowGroupSize: .mebibytes(1))
        let failure = #expect(throws: ConversionFailure.self) { try file.append(Array(json.utf8)) }
        #expect(failure?.cause == cause)
        // Neither the file nor the next record knows of it.
        try file.append(Array("{\"id\":1}".utf8))
        var other = try ParquetFile(schema: .parsing(Self.schema), codec: .none, rowGroupSize: .mebibytes(1))
        try other.append(Array("{\"id\":1}".utf8))
        let bytes = (try file.finish(), try other.finish())
        #expect(bytes.0 == bytes.1)
    }

    @Test func nestingIsBounded() throws {
        var file = try ParquetFile(schema: .parsing(Self.schema), codec: .none, rowGroupSize: .mebibytes(1))
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                "{\"id\":1,\"x\":\(String(repeating: "[", count: depth))\(String(repeating: "]", count: depth))}".utf8)
        }
        try file.append(nested(512))
        let failure = #expect(throws: ConversionFailure.self) { try file.append(nested(513)) }
        #expect(failure?.cause == "the record is nested more than 512 levels deep (at byte 525)")
    }

    /// Three bytes of a record can not ask for a hundred thousand in a file again and again.
    @Test func whatIsLeftOutIsBounded() throws {
        let long = String(repeating: "x", count: 100_000)
        let schema = """
            {"type": "record", "name": "R", "fields": [{"name": "items", "type": {"type": "array", "items":
                {"type": "record", "name": "Item", "fields": [{"name": "text", "type": "string", "default": "\(long)"}]}}}]}
            """
        var file = try ParquetFile(schema: .parsing(schema), codec: .none, rowGroupSize: .mebibytes(64))
        func record(_ items: Int) -> [UInt8] {
            Array("{\"items\":[\(Array(repeating: "{}", count: items).joined(separator: ","))]}".utf8)
        }
        try file.append(record(300))
        let failure = #expect(throws: ConversionFailure.self) { try file.append(record(400)) }
        #expect(failure?.cause == "the record leaves out too much: more than 32 Mi nulls and defaults")
    }

    @Test func causesAreShort() throws {
        let name = String(repeating: "n", count: 500)
        let schema = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"\(name)\",\"type\":\"int\"}]}"
        var file = try ParquetFile(schema: .parsing(schema), codec: .none, rowGroupSize: .mebibytes(1))
        let failure = #expect(throws: ConversionFailure.self) { try file.append(Array("{}".utf8)) }
        #expect(failure.map { $0.cause.utf8.count <= 300 && $0.cause.hasSuffix("…` is missing") } == true)
    }
}

extension ParquetSchema {
    static func parsing(_ text: String) throws -> ParquetSchema {
        try ParquetSchema(AvroSchema(parsing: text))
    }
}

import SluiceFormats
import Testing

@Suite struct ParquetSchemaTests {
    static func record(_ type: String, default value: String? = nil) -> String {
        let tail = value.map { ",\"default\":\($0)" } ?? ""
        return "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"f\",\"type\":\(type)\(tail)}]}"
    }

    static let refused: [(schema: String, reason: String)] = [
        ("\"string\"", "the schema is no record; Parquet files hold records"),
        ("[\"null\",\"string\"]", "the schema is no record; Parquet files hold records"),
        (
            "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}",
            "the record R has no columns; Parquet has no groups without members"
        ),
        (record("\"null\""), "the record a.R has no columns; Parquet has no groups without members"),
        (record("{\"type\":\"array\",\"items\":\"null\"}"), "`f.list.element` can be nothing but null"),
        (record("[\"null\",\"a.R\"]"), "the type a.R contains itself; Parquet has no recursive types"),
        (
            record("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}"),
            "the fixed a.F has no bytes; Parquet has no values of no length"
        ),
        (record("\"int\"", default: "\"x\""), "the default of `f` is no value of its type"),
        (record("\"int\"", default: "null"), "the default of `f` is no value of its type"),
        (
            record("{\"type\":\"array\",\"items\":\"int\"}", default: "[1.5]"),
            "the default of `f` is no value of its type"
        ),
    ]

    @Test(arguments: refused) func isRefused(schema: String, reason: String) throws {
        let avro = try AvroSchema(parsing: schema)
        let error = #expect(throws: ParquetSchemaError.self) { try ParquetSchema(avro) }
        #expect(error?.description == reason)
    }

    static let accepted: [(type: String, columns: Int)] = [
        ("\"string\"", 1), ("[\"null\",\"int\"]", 1), ("{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", 1),
        ("{\"type\":\"map\",\"values\":\"bytes\"}", 2), ("[\"null\",\"int\",\"string\",\"boolean\"]", 3),
        (
            "{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"null\"}]}",
            1
        ),
    ]

    @Test(arguments: accepted) func hasColumns(type: String, columns: Int) throws {
        #expect(try ParquetSchema.parsing(Self.record(type)).columnCount == columns)
    }

    /// Each type holds the one before it twice: few words, a billion columns.
    @Test func columnsAreBounded() throws {
        var type = "\"int\""
        for level in 0..<30 {
            let fields =
                level == 0
                ? "{\"name\":\"a\",\"type\":\"int\"}"
                : "{\"name\":\"a\",\"type\":\(type)},{\"name\":\"b\",\"type\":\"R\(level - 1)\"}"
            type = "{\"type\":\"record\",\"name\":\"R\(level)\",\"fields\":[\(fields)]}"
        }
        let error = #expect(throws: ParquetSchemaError.self) { try ParquetSchema.parsing(type) }
        #expect(error?.description == "the schema has more than 4096 columns")
    }
}

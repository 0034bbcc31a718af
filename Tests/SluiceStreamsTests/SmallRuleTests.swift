import SluiceCore
import SluiceFormats
import Testing

@testable import SluiceStreams

@Suite struct MetricsWindowTests {
    private static let now = Timestamp(milliseconds: 1_760_000_040_000)

    @Test(
        arguments: [
            (nil, nil, 60), ("1760000000", "1760000060", 1), ("1760000000000", "1760000060000", 1),
            ("1759395200", "1760000000", 10_080),
        ] as [(String?, String?, Int)])
    func reads(start: String?, end: String?, minutes: Int) throws {
        let window = try MetricsWindow(start: start, end: end, now: Self.now)
        #expect(window.minutes.count == minutes + 1)
    }

    @Test(
        arguments: [
            ("2", "1", .invalidMetricsPeriod), ("x", nil, .invalidMetricsPeriod), ("-1", nil, .invalidMetricsPeriod),
            ("1759395199", "1760000000", .metricsPeriodTooLong),
        ] as [(String?, String?, StreamsError.Code)])
    func refuses(start: String?, end: String?, code: StreamsError.Code) {
        let error = #expect(throws: StreamsError.self) { try MetricsWindow(start: start, end: end, now: Self.now) }
        #expect(error?.code == code)
    }

    @Test func bothSpellingsOfTrafficControl() {
        #expect(MetricLabel(parsing: "traffic_controll_put") == .throttledPuts)
        #expect(MetricLabel(parsing: "traffic_control_put") == .throttledPuts)
        #expect(MetricLabel(parsing: "nope") == nil)
    }
}

@Suite struct SchemaDerivationTests {
    @Test(arguments: [
        (#"{"id":"a","ts":1}"#, #"[{"name":"id","type":"string"},{"name":"ts","type":"long"}]"#),
        (
            #"{"f":1.5,"b":true,"n":null}"#,
            #"[{"name":"f","type":"double"},{"name":"b","type":"boolean"},{"name":"n","type":["null","string"]}]"#
        ),
        (#"{"a":[1,2]}"#, #"[{"name":"a","type":{"type":"array","items":"long"}}]"#),
        (
            #"{ "o" : { "x" : "\"" } }"#,
            #"[{"name":"o","type":{"type":"record","name":"o_2","fields":[{"name":"x","type":"string"}]}}]"#
        ),
        (#"{"1-a":1}"#, #"[{"name":"_1_a","type":"long"}]"#), ("{}", "[]"),
    ])
    func derives(sample: String, fields: String) throws {
        let schema = try SchemaDerivation.schema(of: sample)
        #expect(schema == #"{"type":"record","name":"root","fields":\#(fields)}"#)
        _ = try AvroSchema(parsing: schema)
    }

    @Test(arguments: ["", "[]", "1", "{", "nope"])
    func refuses(sample: String) {
        #expect(throws: StreamsError.self) { try SchemaDerivation.schema(of: sample) }
    }
}

@Suite struct AvroSchemaTests {
    @Test(arguments: [
        #""string""#, #"{"type":"string"}"#, #"["null","long"]"#, #"{"type":"array","items":"int"}"#,
        #"{"type":"map","values":"bytes"}"#, #"{"type":"enum","name":"E","symbols":["A","B"]}"#,
        #"{"type":"fixed","name":"F","size":16}"#, #"{"type":"long","logicalType":"timestamp-millis"}"#,
        #"{"type":"record","name":"a.b.R","fields":[{"name":"next","type":["null","R"],"default":null}]}"#,
    ])
    func accepts(text: String) throws {
        _ = try AvroSchema(parsing: text)
    }

    @Test(arguments: [
        "", "nope", #""strin""#, "[]", #"["int","int"]"#, #"[["null"]]"#, #"{"type":"array"}"#,
        #"{"type":"enum","name":"E"}"#,
        #"{"type":"fixed","name":"F"}"#, #"{"type":"record","name":"R"}"#,
        #"{"type":"record","name":"R","fields":[{"name":"a"}]}"#, #"{"type":"record","name":"1R","fields":[]}"#,
        #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#, "1",
    ])
    func refuses(text: String) {
        #expect(throws: AvroSchemaError.self) { try AvroSchema(parsing: text) }
    }

    @Test func depthIsBounded() {
        let deep =
            String(repeating: #"{"type":"array","items":"#, count: 100) + #""int""# + String(repeating: "}", count: 100)
        #expect(throws: AvroSchemaError.self) { try AvroSchema(parsing: deep) }
    }
}

@Suite struct TagRuleTests {
    @Test(arguments: [
        ("env", "lab"), ("a-b_中", "v.1"), (String(repeating: "k", count: 36), String(repeating: "v", count: 43)),
        ("k", ""),
    ])
    func accepts(key: String, value: String) throws {
        try TagRules.check(Tag(key: key, value: value))
    }

    @Test(arguments: [
        ("", "v"), ("a.b", "v"), ("k", "a b"), (String(repeating: "k", count: 37), ""),
        ("k", String(repeating: "v", count: 44)), ("é", "v"),
    ])
    func refuses(key: String, value: String) {
        #expect(throws: StreamsError.self) { try TagRules.check(Tag(key: key, value: value)) }
    }
}

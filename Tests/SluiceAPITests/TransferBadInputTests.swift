import Foundation
import SluiceCore
import SluicePorts
import SluiceTransfers
import Synchronization
import Testing

/// Everything that a client can get wrong about transfer tasks: the documented code, and nothing changed.
///
/// Each row is sent to a stream that has one task already, as creation of another one and as an update of that one; then
/// the task, its settings and all of the catalog must be what they were.
@Suite(.timeLimit(.minutes(2))) struct TransferBadInputTests {
    static let path = "/v2/p1/streams/meters/transfer-tasks"

    /// One member of the descriptor in the place of the good one, as JSON; nil leaves the member out.
    struct Row: Sendable, CustomTestStringConvertible {
        let member: String
        let value: String?
        var code = "DIS.4200"
        /// Further members that the row needs.
        var with: [String: String] = [:]

        var testDescription: String { "\(member) \(value.map { String($0.prefix(40)) } ?? "missing")" }
    }

    /// Members that are texts, and a text that breaks the rules of each.
    static let texts: [(member: String, bad: [String])] = [
        ("task_name", ["", "a b", "a/b", "ä", String(repeating: "a", count: 65)]),
        ("agency_name", ["", String(repeating: "a", count: 65)]),
        (
            "obs_bucket_path",
            ["", "a/b", "..", ".", ".hidden", "a b", "obs://", "s3://a", "a//", String(repeating: "a", count: 64)]
        ),
        ("file_prefix", ["/", "/a", "a/../b", "a-b", "a b", "ä", String(repeating: "a", count: 51)]),
        ("partition_format", ["dd", "yyyy-MM", "yyyy/MM/dd/HH/mm/ss", "YYYY", " yyyy"]),
        ("consumer_strategy", ["", "latest", "AT_TIMESTAMP", "0"]),
        ("destination_file_type", ["", "orc", "csv", "parquet", "carbon", "CarbonData", "text "]),
        ("record_delimiter", ["::", "\\\\t", " ", "\\r\\n", "null"]),
        ("compression_format", ["zip", "GZ", "snappy", "1"]),
        ("deliver_data_type", ["file_stream", "record"]),
    ]

    /// Members that are numbers, and numbers out of their range.
    static let numbers: [(member: String, bad: [String])] = [
        (
            "deliver_time_interval",
            ["0", "-1", "29", "901", "9223372036854775807", "9223372036854775808", "60.5", "1e400"]
        ),
        ("retry_duration", ["-1", "7201", "0.5", "-9223372036854775808"]),
        ("deliver_size_interval", ["-1", "301", "1.5", "100000000000000000000"]),
    ]

    static var rows: [Row] {
        var rows: [Row] = []
        for (member, bad) in texts {
            rows += bad.map { Row(member: member, value: "\"\($0)\"") }
            rows += ["true", "[]", "{}", #"["a"]"#].map { Row(member: member, value: $0) }
        }
        for (member, bad) in numbers {
            rows += bad.map { Row(member: member, value: $0) }
            rows += bad.map { Row(member: member, value: "\"\($0)\"") }
            rows += ["true", "[]", "{}", "[60]", "\"\"", "\"sixty\"", "\"60s\"", "\"0x3C\"", "\" 60\""].map {
                Row(member: member, value: $0)
            }
        }
        // No name, no bucket: an update cannot even say which task it means.
        for member in ["task_name", "obs_bucket_path"] {
            rows += [nil, "null"].map { Row(member: member, value: $0) }
        }
        rows += ["7", "true", "\"x\"", "[]", "[{}]"].map { Row(member: "processing_schema", value: $0) }
        rows += [
            #"{"timestamp_type":"Timestamp"}"#, #"{"timestamp_name":"","timestamp_type":"Timestamp"}"#,
            #"{"timestamp_name":"t"}"#, #"{"timestamp_name":"t","timestamp_type":"long"}"#,
            #"{"timestamp_name":"t","timestamp_type":"timestamp"}"#,
            #"{"timestamp_name":"t","timestamp_type":"String"}"#,
            #"{"timestamp_name":"t","timestamp_type":"String","timestamp_format":"yyyy"}"#,
            #"{"timestamp_name":true,"timestamp_type":"Timestamp"}"#, #"{"timestamp_name":"t","timestamp_type":[]}"#,
            #"{"timestamp_name":"t","timestamp_type":"String","timestamp_format":{}}"#,
            #"{"timestamp_name":"\#(String(repeating: "t", count: 257))","timestamp_type":"Timestamp"}"#,
        ].map { Row(member: "processing_schema", value: $0) }
        rows += ["7", "true", "\"x\"", "[]", #"{"a":{}}"#, #"{"a":true}"#, #"{"a":[]}"#].map {
            Row(member: "carbon_properties", value: $0)
        }
        rows.append(
            Row(member: "carbon_properties", value: #"{"a":"\#(String(repeating: "x", count: 20_000))"}"#))
        rows.append(
            Row(member: "compression_format", value: "\"gzip\"", with: ["destination_file_type": "\"parquet\""]))
        return rows
    }

    static func body(_ row: Row?, name: String, prefix: String = "") -> String {
        var members = [
            "task_name": "\"\(name)\"", "agency_name": "\"a\"", "obs_bucket_path": "\"lake\"",
            "deliver_time_interval": "60", "consumer_strategy": "\"TRIM_HORIZON\"", "file_prefix": "\"\(prefix)\"",
        ]
        if let row {
            members.merge(row.with) { $1 }
            members[row.member] = row.value
        }
        let text = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return #"{"destination_type":"OBS","obs_destination_descriptor":{\#(text)}}"#
    }

    /// A house with the stream `meters` and its task `kept`, and what must stay as it is.
    struct House {
        let harness: APIHarness
        let store: RefusingStore
        let listing: String
        let task: String

        init() async throws {
            store = RefusingStore()
            harness = try await APIHarness(sinks: store)
            await harness.makeStream("meters")
            let created = await harness.call("POST", path, body(nil, name: "kept"))
            #expect(created.status == 201, "\(created.text)")
            listing = await harness.call("GET", path).text
            task = await harness.call("GET", path + "/kept").text
        }

        func expectUnchanged(_ what: String) async {
            #expect(await harness.call("GET", path).text == listing, "\(what)")
            #expect(await harness.call("GET", path + "/kept").text == task, "\(what)")
        }

        func refuses(_ method: String, _ path: String, _ body: String?, _ status: Int, _ code: String) async {
            let answer = await harness.call(method, path, body)
            let what = "\(method) \(path.suffix(60)) \(body?.prefix(300) ?? "")"
            #expect(answer.status == status && answer.code == code, "\(what): \(answer.status) \(answer.text)")
            for member in ["errorCode", "message", "error_code", "error_msg"] {
                #expect(answer.json[member] as? String != nil, "\(what) has no \(member)")
            }
            await expectUnchanged(what)
        }
    }

    @Test func everyMemberOutOfRangeOfAWrongTypeOrMissing() async throws {
        let house = try await House()
        for row in Self.rows {
            await house.refuses("POST", Self.path, Self.body(row, name: "other"), 400, row.code)
            // An update that names no task or a wrong one is refused for that.
            await house.refuses("PUT", Self.path, Self.body(row, name: "kept"), 400, row.code)
        }
    }

    @Test func numbersAsTextsAndTheOtherWayRoundAreFine() async throws {
        let house = try await House()
        let rows = [
            Row(member: "deliver_time_interval", value: "\"300\""), Row(member: "retry_duration", value: "\"0\""),
            Row(member: "deliver_size_interval", value: "\"300\""), Row(member: "task_name", value: "7"),
            Row(member: "agency_name", value: "null"), Row(member: "agency_name", value: nil),
            Row(member: "deliver_time_interval", value: "null"), Row(member: "file_prefix", value: "null"),
            Row(member: "record_delimiter", value: "null"), Row(member: "processing_schema", value: "null"),
            Row(member: "processing_schema", value: "{}"), Row(member: "carbon_properties", value: #"{"a":1}"#),
            Row(member: "obs_bucket_path", value: "\"obs://lake/\""), Row(member: "unknown", value: "[{}]"),
        ]
        for row in rows {
            let answer = await house.harness.call("POST", Self.path, Self.body(row, name: "t"))
            #expect(answer.status == 201, "\(row.testDescription): \(answer.text)")
            _ = await house.harness.call("DELETE", Self.path + (row.member == "task_name" ? "/7" : "/t"))
        }
        await house.expectUnchanged("lenient values")
    }

    static let descriptor = #"{"task_name":"x","obs_bucket_path":"lake"}"#

    static let bodies: [(body: String?, status: Int, code: String)] = [
        (nil, 400, "DIS.4202"), ("", 400, "DIS.4202"), (" ", 400, "DIS.4300"), ("{", 400, "DIS.4300"),
        ("not JSON", 400, "DIS.4300"), ("{'a':1}", 400, "DIS.4300"), ("{}{}", 400, "DIS.4300"),
        ("\u{FEFF}{}", 400, "DIS.4300"), (#"{"destination_type":"OBS""#, 400, "DIS.4300"),
        (String(repeating: "[", count: 100_000), 400, "DIS.4300"), ("[]", 400, "DIS.4200"), ("7", 400, "DIS.4200"),
        ("null", 400, "DIS.4200"), ("\"OBS\"", 400, "DIS.4200"), ("{}", 400, "DIS.4200"),
        (#"{"destination_type":"OBS"}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":null}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":{}}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":[]}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":[[]]}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":[\#(descriptor),\#(descriptor)]}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":7}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":"x"}"#, 400, "DIS.4200"),
        (#"{"destination_type":"OBS","obs_destination_descriptor":true}"#, 400, "DIS.4200"),
        // Two candidates, and none of them named after the type.
        (
            #"{"destination_type":"OBS","mrs_destination_descriptor":\#(descriptor),"dli_destination_descriptor":\#(descriptor)}"#,
            400, "DIS.4200"
        ),
        (#"{"destination_type":7,"obs_destination_descriptor":\#(descriptor)}"#, 400, "DIS.4200"),
        (#"{"destination_type":true,"obs_destination_descriptor":\#(descriptor)}"#, 400, "DIS.4200"),
        (#"{"destination_type":[],"obs_destination_descriptor":\#(descriptor)}"#, 400, "DIS.4200"),
        (#"{"destination_type":{},"obs_destination_descriptor":\#(descriptor)}"#, 400, "DIS.4200"),
    ]

    @Test func bodiesThatAreNone() async throws {
        let house = try await House()
        for (body, status, code) in Self.bodies {
            for method in ["POST", "PUT"] { await house.refuses(method, Self.path, body, status, code) }
        }
        let huge = #"{"destination_type":"\#(String(repeating: "x", count: 1 << 20))"}"#
        await house.refuses("POST", Self.path, huge, 400, "DIS.4200")
    }

    @Test(arguments: ["MRS", "DLI", "UQUERY", "DWS", "CLOUDTABLE", "OPENTSDB", "NOWHERE", "S3", "obs", "", " OBS"])
    func otherDestinationTypesAreRefusedByName(type: String) async throws {
        let house = try await House()
        for member in ["obs", "mrs", "dli", "dws", "cloudtable"] where !(type.isEmpty && member == "obs") {
            let body = #"{"destination_type":"\#(type)","\#(member)_destination_descriptor":\#(Self.descriptor)}"#
            for method in ["POST", "PUT"] { await house.refuses(method, Self.path, body, 400, "DIS.4200") }
        }
        let answer = await house.harness.call("POST", Self.path, #"{"destination_type":"\#(type)"}"#)
        #expect(answer.text.contains(type.isEmpty ? "destination_type" : type))
    }

    @Test func actionsThatAreNone() async throws {
        let house = try await House()
        let id = try #require(
            (await house.harness.call("GET", Self.path + "/kept").json["task_id"]) as? String)
        let entry = #"{"id":"\#(id)"}"#
        let rows: [(body: String?, code: String)] = [
            (nil, "DIS.4202"), ("", "DIS.4202"), ("{", "DIS.4300"), ("stop", "DIS.4300"), ("[]", "DIS.4200"),
            ("{}", "DIS.4200"), (#"{"tasks":[\#(entry)]}"#, "DIS.4200"), (#"{"action":"stop"}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":null}"#, "DIS.4200"), (#"{"action":"stop","tasks":[]}"#, "DIS.4200"),
            (#"{"action":"start","tasks":[]}"#, "DIS.4200"), (#"{"action":"stop","tasks":{}}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":"\#(id)"}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":["\#(id)"]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[{}]}"#, "DIS.4200"), (#"{"action":"stop","tasks":[null]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[{"id":""}]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[{"id":null}]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[{"id":[]}]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[{"id":true}]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[{"id":7}]}"#, "DIS.4354"),
            (#"{"action":"stop","tasks":[\#(entry),{"id":"ghost"}]}"#, "DIS.4354"),
            (#"{"action":"stop","tasks":[{"id":"ghost"},\#(entry)]}"#, "DIS.4354"),
            (#"{"action":"stop","tasks":[\#(entry),\#(entry)]}"#, "DIS.4200"),
            (#"{"action":"stop","tasks":[\#(entry),{"id":"kept"}]}"#, "DIS.4200"),
            (
                #"{"action":"stop","tasks":[\#(Array(repeating: entry, count: 51).joined(separator: ","))]}"#,
                "DIS.4200"
            ),
        ]
        for row in rows { await house.refuses("POST", Self.path + "/action", row.body, 400, row.code) }
        for action in [
            #""pause""#, #""delete""#, #""""#, #""start ""#, #""startstop""#, "null", "true", "[]", "{}", "1",
        ] {
            await house.refuses(
                "POST", Self.path + "/action", #"{"action":\#(action),"tasks":[\#(entry)]}"#, 400, "DIS.4200")
        }
    }

    @Test func unknownAndForeignStreamsAndTasks() async throws {
        let house = try await House()
        let good = Self.body(nil, name: "other")
        let action = #"{"action":"stop","tasks":[{"id":"kept"}]}"#
        let long = String(repeating: "a", count: 61)
        for stream in ["none", long, "a%20b", "%C3%A4"] {
            let path = "/v2/p1/streams/\(stream)/transfer-tasks"
            for (method, path, body) in [
                ("POST", path, good), ("PUT", path, good), ("GET", path, nil), ("GET", path + "/kept", nil),
                ("DELETE", path + "/kept", nil), ("POST", path + "/action", action),
                ("GET", path + "/kept/deliveries", nil),
            ] as [(String, String, String?)] {
                await house.refuses(method, path, body, 400, "DIS.4301")
            }
        }
        // Another project does not see the stream; the path of another project is refused outright.
        for (method, suffix, body) in [
            ("POST", "", good), ("PUT", "", good), ("GET", "", nil), ("DELETE", "/kept", nil),
            ("POST", "/action", action),
        ] as [(String, String, String?)] {
            let foreign = await house.harness.call(
                method, "/v2/p2/streams/meters/transfer-tasks" + suffix, body, headers: [("X-Project-Id", "p2")])
            #expect(foreign.status == 400 && foreign.code == "DIS.4301", "\(foreign.text)")
            await house.refuses(method, "/v2/p2/streams/meters/transfer-tasks" + suffix, body, 400, "DIS.4117")
        }
        for (method, suffix) in [("GET", "/ghost"), ("DELETE", "/ghost"), ("GET", "/ghost/deliveries")] {
            await house.refuses(method, Self.path + suffix, nil, 400, "DIS.4354")
        }
        await house.refuses("PUT", Self.path, good, 400, "DIS.4354")
        await house.refuses("POST", Self.path, Self.body(nil, name: "kept"), 400, "DIS.4355")
        for method in ["PATCH", "HEAD", "PUT"] {
            let answer = await house.harness.call(method, Self.path + "/kept", good)
            #expect(answer.status == 405, "\(method) \(answer.text)")
        }
        await house.expectUnchanged("other methods")
    }

    @Test(arguments: [
        (SinkError.Code.notFound, "DIS.4306"), (.unknownDestination, "DIS.4306"), (.accessDenied, "DIS.4310"),
        (.refused, "DIS.4310"), (.full, "DIS.4310"), (.throttled, "DIS.4310"), (.unavailable, "DIS.4310"),
    ])
    func destinationsThatResolveToNowhere(fault: SinkError.Code, code: String) async throws {
        let house = try await House()
        house.store.refuse(fault)
        await house.refuses("POST", Self.path, Self.body(nil, name: "other", prefix: "new"), 400, code)
        await house.refuses("PUT", Self.path, Self.body(nil, name: "kept", prefix: "new"), 400, code)
        // What is wrong with the request itself comes first.
        await house.refuses("POST", Self.path, Self.body(nil, name: "kept"), 400, "DIS.4355")
        await house.refuses("PUT", Self.path, Self.body(nil, name: "other"), 400, "DIS.4354")
    }

    @Test(arguments: [
        (#","data_type":"BLOB""#, "parquet"), (#","data_type":"BLOB""#, "csv"), (#","data_type":"JSON""#, "parquet"),
        (#","data_type":"JSON""#, "csv"), (#","data_type":"CSV","data_schema":"""#, "parquet"),
        (#","data_type":"JSON""#, "carbon"), (#","data_type":"FILE""#, "text"),
    ])
    func fileTypesThatDoNotGoWithTheStream(stream: String, type: String) async throws {
        let house = try await House()
        await house.harness.makeStream("typed", stream)
        let path = "/v2/p1/streams/typed/transfer-tasks"
        let row = Row(member: "destination_file_type", value: "\"\(type)\"")
        await house.refuses("POST", path, Self.body(row, name: "t"), 400, "DIS.4200")
        #expect(await house.harness.call("GET", path).json["total_number"] as? Int == 0)
    }

    /// Schemas of streams that Avro knows and columns do not, and what does not go with columns.
    @Test(arguments: [
        (#"{"type":"record","name":"r","fields":[{"name":"next","type":["null","r"]}]}"#, "", "DIS.4360"),
        (#""string""#, "", "DIS.4360"),
        (#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}"#, "gzip", "DIS.4200"),
    ])
    func schemasThatBecomeNoColumns(schema: String, compression: String, code: String) async throws {
        let house = try await House()
        let escaped = schema.replacing("\"", with: "\\\"")
        await house.harness.makeStream("typed", #","data_type":"JSON","data_schema":"\#(escaped)""#)
        let path = "/v2/p1/streams/typed/transfer-tasks"
        let row = Row(
            member: "destination_file_type", value: "\"parquet\"", with: ["compression_format": "\"\(compression)\""])
        await house.refuses("POST", path, Self.body(row, name: "t"), 400, code)
        #expect(await house.harness.call("GET", path).json["total_number"] as? Int == 0)
    }
}

/// A store that takes everything until it is told to refuse whoever asks for a bucket.
final class RefusingStore: ObjectSink, ObjectSinkProvider {
    private let fault = Mutex<SinkError.Code?>(nil)

    func refuse(_ code: SinkError.Code) { fault.withLock { $0 = code } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }

    func prepare() async throws(SinkError) {
        if let code = fault.withLock({ $0 }) { throw SinkError(code, "no") }
    }

    func write(_ key: String, body: ObjectBody) async throws {}
    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool { false }
}

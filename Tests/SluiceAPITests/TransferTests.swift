import Foundation
import SluiceAPI
import SluiceCore
import SluicePorts
import SluiceSinkObject
import SluiceTesting
import SluiceTransfers
import Testing

/// A folder for one test, removed with this object.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    var files: [String] {
        (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).filter { file in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: path + "/" + file, isDirectory: &isFolder)
            return !isFolder.boolValue
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct TransferTests {
    let path = "/v2/p1/streams/meters/transfer-tasks"

    static func body(_ members: String = "", name: String = "to-lake") -> String {
        #"{"destination_type":"OBS","obs_destination_descriptor":{"task_name":"\#(name)","agency_name":"a","#
            + #""obs_bucket_path":"lake","deliver_time_interval":"60","consumer_strategy":"TRIM_HORIZON"\#(members)}}"#
    }

    func harness() async throws -> APIHarness {
        let harness = try await APIHarness()
        await harness.makeStream("meters")
        return harness
    }

    @Test func wholeLifeOverTheWireIntoAFolder() async throws {
        let harness = try await harness()
        _ = await harness.put("meters", ["a", "b"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await harness.transfers.run() }
            defer { group.cancelAll() }
            let created = await harness.call(
                "POST", "/v2/p1/stream/meters/transfer-tasks/", Self.body(#","record_delimiter":"\\n""#))
            #expect(created.status == 201)
            var shown = await harness.call("GET", path + "/to-lake/")
            for round in 0..<100_000 where shown.json["last_transfer_timestamp"] == nil {
                await Task.yield()
                if round % 50 == 0 {
                    harness.time.advance(by: .seconds(10))
                    shown = await harness.call("GET", path + "/to-lake")
                }
            }
            #expect(shown.json["state"] as? String == "RUNNING" && shown.json["status"] as? String == "RUNNING")
            let partition = try #require((shown.json["partitions"] as? [[String: Any]])?.first)
            #expect(partition["partition_id"] as? String == "shardId-0000000000")
            #expect(partition["partitionId"] as? String == "shardId-0000000000")
            #expect(partition["last_transfer_offset"] as? Int == 1 && partition["discard"] as? Int == 0)
            #expect(partition["sequence_number_range"] as? String == "[0 : 2]")
            let description = try #require(shown.json["obs_destination_description"] as? [String: Any])
            #expect(description["record_delimiter"] as? String == #"\n"#)
            #expect(description["deliver_time_interval"] as? Int == 60)
            #expect(description["retry_duration"] as? Int == 0)
            #expect(description["processing_schema"] == nil)

            let object = "meters_to-lake_shardId-0000000000_00000000000000000000_2.txt"
            #expect(harness.buckets.files == ["lake/" + object])
            #expect(try String(contentsOfFile: harness.buckets.path + "/lake/" + object, encoding: .utf8) == "a\nb\n")

            for query in ["", "?partition_id=0&sequence_number=1", "?object=\(object)", "?start_time=1"] {
                let answer = await harness.call("GET", path + "/to-lake/deliveries" + query)
                let delivery = try #require((answer.json["deliveries"] as? [[String: Any]])?.first, "\(answer.text)")
                #expect(delivery["object"] as? String == object && delivery["bytes"] as? Int == 4)
                #expect(delivery["last_sequence_number"] as? String == "1")
                #expect(answer.json["next"] == nil)
            }
            let verified = await harness.call("GET", path + "/to-lake/verification")
            let verification = try #require((verified.json["verifications"] as? [[String: Any]])?.first)
            #expect(verification["state"] as? String == "OK" && verification["object"] as? String == object)
            #expect(verification["compared_with_stream"] as? Bool == true && verification["message"] == nil)
            for query in ["?partition_id=0&sequence_number=2", "?partition_id=1", "?object=x", "?end_time=1"] {
                let answer = await harness.call("GET", path + "/to-lake/deliveries" + query)
                #expect((answer.json["deliveries"] as? [Any])?.isEmpty == true)
            }

            let id = try #require(shown.json["task_id"] as? String)
            let log = await harness.call(
                "POST", "/v1/transfertasklog/\(id)",
                #"{"order":"desc","sortBy":"startTime","pageInfo":{"pageIndex":1,"pageTotal":10}}"#)
            #expect(log.json["totalNum"] as? Int == 1 && log.json["errorCode"] == nil)
            #expect((log.json["transferTaskLogList"] as? [[String: Any]])?.first?["state"] as? String == "Succeeded")

            for (action, state) in [("stop", "PAUSED"), ("STOP", "PAUSED"), ("start", "RUNNING"), ("start", "RUNNING")]
            {
                let done = await harness.call(
                    "POST", path + "/action",
                    #"{"action":"\#(action)","stream_name":"meters","tasks":[{"id":"\#(id)"}]}"#)
                #expect(done.status == 200 && done.text.isEmpty)
                let list = await harness.call("GET", path).json
                #expect(list["total_number"] as? Int == 1 && list["quota"] as? Int == 5)
                #expect((list["tasks"] as? [[String: Any]])?.first?["state"] as? String == state)
            }
            let updated = await harness.call("PUT", path, Self.body(#","file_prefix":"x""#))
            #expect(updated.status == 200)
            let deleted = await harness.call("DELETE", path + "/to-lake")
            #expect(deleted.status == 204 && deleted.text.isEmpty)
            #expect(await harness.call("GET", path).json["total_number"] as? Int == 0)
            #expect(harness.buckets.files.count == 1)
        }
    }

    @Test func descriptorsAreFoundWhereClientsPutThem() async throws {
        let harness = try await harness()
        let descriptor = #"{"task_name":"t","obs_bucket_path":"lake"}"#
        let bodies = [
            #"{"obs_destination_descriptor":\#(descriptor)}"#,
            #"{"destination_type":"OBS","obs_destination_descriptor":[\#(descriptor)]}"#,
            #"{"destination_type":"OBS","obs_destination_descriptor":{},"mrs_destination_descriptor":\#(descriptor)}"#,
            #"{"StreamName":"x","destination_type":"OBS","obs_destination_descriptor":{"task_name":"t","#
                + #""obs_bucket_path":"lake","processing_schema":{"timestamp_name":"","timestamp_type":""},"#
                + #""record_delimiter":"\\n","dli_destination_descriptor":null}}"#,
        ]
        for body in bodies {
            let answer = await harness.call("POST", path, body)
            #expect(answer.status == 201, "\(answer.text)")
            _ = await harness.call("DELETE", path + "/t")
        }
    }

    static let refusals: [(method: String, path: String, body: String, status: Int, code: String)] = [
        ("POST", "", "", 400, "DIS.4202"), ("POST", "", "{", 400, "DIS.4300"), ("POST", "", "[]", 400, "DIS.4200"),
        ("POST", "", "{}", 400, "DIS.4200"), ("POST", "", #"{"destination_type":"OBS"}"#, 400, "DIS.4200"),
        ("POST", "", #"{"destination_type":"NOWHERE"}"#, 400, "DIS.4200"),
        ("POST", "", #"{"destination_type":"OBS","obs_destination_descriptor":7}"#, 400, "DIS.4200"),
        ("POST", "", body(#","retry_duration":true"#), 400, "DIS.4200"),
        ("POST", "", body(#","file_prefix":"/x""#), 400, "DIS.4200"),
        ("POST", "", body(#","destination_file_type":"parquet""#), 400, "DIS.4200"),
        ("PUT", "", body(), 400, "DIS.4354"), ("GET", "/none", "", 400, "DIS.4354"),
        ("DELETE", "/none", "", 400, "DIS.4354"), ("DELETE", "//", "", 405, "DIS.4200"),
        ("POST", "/action", #"{"action":"start","tasks":[]}"#, 400, "DIS.4200"),
        ("POST", "/action", #"{"action":"start"}"#, 400, "DIS.4200"),
        ("POST", "/action", #"{"action":"start","tasks":{}}"#, 400, "DIS.4200"),
        ("POST", "/action", #"{"action":"start","tasks":[{}]}"#, 400, "DIS.4200"),
        ("POST", "/action", #"{"action":"pause","tasks":[{"id":"x"}]}"#, 400, "DIS.4200"),
        ("POST", "/action", #"{"action":"stop","tasks":[{"id":"x"}]}"#, 400, "DIS.4354"),
        ("GET", "/none/deliveries", "", 400, "DIS.4354"), ("GET", "/none/verification", "", 400, "DIS.4354"),
    ]

    @Test(arguments: refusals)
    func refuses(row: (method: String, path: String, body: String, status: Int, code: String)) async throws {
        let harness = try await harness()
        let answer = await harness.call(row.method, path + row.path, row.body)
        #expect(answer.status == row.status && answer.code == row.code, "\(answer.text)")
        #expect(await harness.call("GET", path).json["total_number"] as? Int == 0)
    }

    static let badQueries: [(query: String, code: String)] = [
        ("partition_id=x", "DIS.4201"), ("partition_id=-1", "DIS.4201"), ("partition_id=shardId-x", "DIS.4201"),
        ("limit=0", "DIS.4200"), ("limit=x", "DIS.4200"), ("next=x", "DIS.4200"), ("next=..%2F", "DIS.4200"),
        ("partition_id=0&sequence_number=x", "DIS.4216"), ("partition_id=0&sequence_number=-1", "DIS.4216"),
        ("sequence_number=1", "DIS.4200"), ("object=a&sequence_number=1", "DIS.4200"),
        ("start_time=x", "DIS.4200"), ("start_time=-1", "DIS.4200"), ("end_time=99999999999999", "DIS.4200"),
    ]

    @Test func badQueriesOfTheLedgerAreRefused() async throws {
        let harness = try await harness()
        #expect(await harness.call("POST", path, Self.body()).status == 201)
        for row in Self.badQueries {
            let answer = await harness.call("GET", path + "/to-lake/deliveries?" + row.query)
            #expect(answer.status == 400 && answer.code == row.code, "\(row.query): \(answer.text)")
            guard !row.query.contains("sequence_number"), !row.query.contains("time") else { continue }
            let verification = await harness.call("GET", path + "/to-lake/verification?" + row.query)
            #expect(verification.status == 400 && verification.code == row.code, "\(row.query): \(verification.text)")
        }
        for page in ["deliveries", "verification"] {
            let answer = await harness.call("GET", path + "/to-lake/\(page)?limit=5000")
            #expect(answer.status == 200 && answer.json["next"] == nil)
        }
    }

    @Test func foreignAndUnknownStreamsAndQuota() async throws {
        let harness = try await harness()
        #expect(await harness.call("POST", "/v2/p1/streams/none/transfer-tasks", Self.body()).code == "DIS.4301")
        let foreign = await harness.call(
            "GET", "/v2/p2/streams/meters/transfer-tasks", headers: [("X-Project-Id", "p2")])
        #expect(foreign.code == "DIS.4301")
        for index in 0..<5 {
            #expect(await harness.call("POST", path, Self.body(name: "t\(index)")).status == 201)
        }
        #expect(await harness.call("POST", path, Self.body(name: "t5")).code == "DIS.4357")
        #expect(await harness.call("POST", path, Self.body(name: "t1")).code == "DIS.4355")
        let log = await harness.call("POST", "/v1/transfertasklog/none", "{}")
        #expect(log.code == "DIS.4354")
    }
}

import Foundation
import SluiceCore
import SluiceStreams
import SluiceTesting
import SluiceTransfers
import Testing

/// Parked records over the wire.
@Suite(.timeLimit(.minutes(2))) struct ParkedRouteTests {
    static let path = "/v2/p1/streams/meters/transfer-tasks"
    static let parked = path + "/to-lake/parked-records"

    /// A task that writes columns, with three of five records parked; it goes on delivering while `body` lasts.
    func withParked(
        more: [String] = [], configure: (inout StreamsConfiguration) -> Void = { _ in },
        _ body: @Sendable @escaping (APIHarness) async throws -> Void
    ) async throws {
        let harness = try await APIHarness(configure: configure)
        let schema = #"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"#
        await harness.makeStream("meters", #","data_type":"JSON","data_schema":"\#(schema)""#)
        let put = await harness.put("meters", [#"{"a":1}"#, "junk", #"{"a":2}"#, #"{"a":"x"}"#, "{}"] + more, key: "k")
        #expect(put.status == 200, "\(put.text)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await harness.transfers.run() }
            defer { group.cancelAll() }
            let created = await harness.call(
                "POST", Self.path, TransferTests.body(#","destination_file_type":"parquet""#))
            #expect(created.status == 201, "\(created.text)")
            try await Self.wait(harness) { $0.json["total_number"] as? Int == 3 + more.count }
            try await body(harness)
        }
    }

    /// Moves time on until the list of parked records is as wanted.
    static func wait(_ harness: APIHarness, for isThere: (APIHarness.Answer) -> Bool) async throws {
        for round in 0..<100_000 {
            await Task.yield()
            guard round % 50 == 0 else { continue }
            if isThere(await harness.call("GET", parked)) { return }
            harness.time.advance(by: .seconds(10))
        }
        Issue.record("the records were not parked")
    }

    /// Whatever slow readers hold, the next one gets a short page, and all of it in the end.
    @Test func slowReadersGetShortPages() async throws {
        let large = [String](repeating: String(repeating: "x", count: 30_000), count: 7)
        try await withParked(more: large, configure: { $0.answerMemory = .zero }) { harness in
            var counts: [Int] = []
            var more = ""
            repeat {
                let page = await harness.call("GET", Self.parked + "?limit=1000" + more)
                counts.append((page.json["parked_records"] as? [Any])?.count ?? 0)
                #expect(page.json["total_number"] as? Int == 10)
                more = (page.json["next"] as? String).map { "&next=" + $0 } ?? ""
            } while !more.isEmpty && counts.count < 20
            #expect(counts == [5, 2, 2, 1])
            let deliveries = await harness.call("GET", Self.path + "/to-lake/deliveries?limit=1000")
            #expect((deliveries.json["deliveries"] as? [Any])?.count == 1 && deliveries.json["next"] == nil)
            let verification = await harness.call("GET", Self.path + "/to-lake/verification?limit=1000")
            #expect((verification.json["verifications"] as? [Any])?.count == 1 && verification.json["next"] == nil)
        }
    }

    @Test func listsReplaysAndDiscards() async throws {
        try await withParked { harness in
            let list = await harness.call("GET", Self.parked + "/?limit=2")
            #expect(list.status == 200 && list.json["total_number"] as? Int == 3)
            let first = try #require((list.json["parked_records"] as? [[String: Any]])?.first)
            #expect(first["partition_id"] as? String == "shardId-0000000000")
            #expect(first["sequence_number"] as? String == "1" && first["attempts"] as? Int == 1)
            #expect(first["data"] as? String == Data("junk".utf8).base64EncodedString())
            #expect(first["partition_key"] as? String == "k" && first["replay_pending"] == nil)
            #expect((first["cause"] as? String)?.isEmpty == false)
            for name in ["timestamp", "parked_at", "last_attempt_at"] { #expect(first[name] is Int) }
            #expect(
                first["error_object"] as? String
                    == "error/meters_to-lake_shardId-0000000000_00000000000000000000_5.txt")
            let next = try #require(list.json["next"] as? String)
            let rest = await harness.call("GET", Self.parked + "?limit=2&data=false&next=\(next)")
            let last = try #require(rest.json["parked_records"] as? [[String: Any]])
            #expect(last.map { $0["sequence_number"] as? String } == ["4"] && last[0]["data"] == nil)
            #expect(rest.json["next"] == nil)
            for (query, count) in [
                ("partition_id=0", 3), ("partition_id=shardId-0000000000&from_sequence_number=2", 2),
                ("to_sequence_number=2", 1), ("cause=nothing%20like%20it", 0),
            ] {
                let found = await harness.call("GET", Self.parked + "?" + query)
                #expect(found.json["total_number"] as? Int == count, "\(query)")
            }

            let discarded = await harness.call(
                "POST", Self.parked + "/action",
                #"{"action":"discard","filter":{"partition_id":0,"sequence_numbers":["1",2]}}"#)
            #expect(discarded.status == 200 && discarded.json["total_number"] as? Int == 1, "\(discarded.text)")
            let show = await harness.call("GET", Self.path + "/to-lake")
            #expect((show.json["partitions"] as? [[String: Any]])?.first?["discard"] as? Int == 1)
            let replayed = await harness.call(
                "POST", Self.parked + "/action/", #"{"action":"Replay","filter":{}}"#)
            #expect(replayed.status == 200 && replayed.json["total_number"] as? Int == 2)
            try await Self.wait(harness) { answer in
                (answer.json["parked_records"] as? [[String: Any]])?.map { $0["attempts"] as? Int } == [2, 2]
            }
        }
    }

    static let refusals: [(method: String, target: String, body: String, code: String)] =
        [
            "", "{", "[]", "{}", #"{"action":"replay"}"#, #"{"filter":{}}"#, #"{"action":"drop","filter":{}}"#,
            #"{"action":7,"filter":{}}"#, #"{"action":"discard","filter":[]}"#, #"{"action":"discard","filter":"all"}"#,
            #"{"action":"discard","filter":null}"#, #"{"action":"discard","filter":{"sequence_number":1}}"#,
            #"{"action":"discard","filter":{"partition_id":"x"}}"#,
            #"{"action":"discard","filter":{"partition_id":-1}}"#,
            #"{"action":"discard","filter":{"partition_id":true}}"#,
            #"{"action":"discard","filter":{"sequence_numbers":[]}}"#,
            #"{"action":"discard","filter":{"sequence_numbers":1}}"#,
            #"{"action":"discard","filter":{"sequence_numbers":[-1]}}"#,
            #"{"action":"discard","filter":{"sequence_numbers":["9223372036854775808"]}}"#,
            #"{"action":"discard","filter":{"sequence_numbers":[null]}}"#,
            #"{"action":"discard","filter":{"from_sequence_number":"a"}}"#,
            #"{"action":"discard","filter":{"to_sequence_number":1.5}}"#,
            #"{"action":"discard","filter":{"from_sequence_number":2,"to_sequence_number":1}}"#,
            #"{"action":"discard","filter":{"cause":{}}}"#,
        ].map { body in
            let code =
                switch body {
                case "": "DIS.4202"
                case "{": "DIS.4300"
                case _ where body.contains(#""x""#) || body.contains(#"_id":-1"#): "DIS.4201"
                case _ where ["[-1]", "808\"", #""a""#, "1.5"].contains { body.contains($0) }: "DIS.4216"
                default: "DIS.4200"
                }
            return ("POST", "/to-lake/parked-records/action", body, code)
        }
        + [
            ("limit=0", "DIS.4200"), ("limit=x", "DIS.4200"), ("partition_id=x", "DIS.4201"), ("next=x", "DIS.4200"),
            ("next=1%2F2", "DIS.4200"), ("from_sequence_number=-1", "DIS.4216"), ("to_sequence_number=x", "DIS.4216"),
            ("data=maybe", "DIS.4200"),
        ].map { ("GET", "/to-lake/parked-records?" + $0, "", $1) }
        + [
            ("GET", "/none/parked-records", "", "DIS.4354"),
            ("POST", "/none/parked-records/action", #"{"action":"discard","filter":{}}"#, "DIS.4354"),
        ]

    @Test func badRequestsChangeNothing() async throws {
        try await withParked { harness in
            let before = await harness.call("GET", Self.parked).text
            for row in Self.refusals {
                let answer = await harness.call(row.method, Self.path + row.target, row.body)
                #expect(answer.status == 400 && answer.code == row.code, "\(row.target) \(row.body): \(answer.text)")
            }
            let unknown = await harness.call("GET", "/v2/p1/streams/none/transfer-tasks/t/parked-records")
            #expect(unknown.code == "DIS.4301")
            #expect(await harness.call("GET", Self.parked).text == before)
        }
    }
}

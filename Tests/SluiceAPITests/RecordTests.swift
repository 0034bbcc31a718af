import Foundation
import Observability
import SluiceAPI
import SluiceCore
import SluiceStreams
import SluiceTesting
import Testing

@Suite struct RecordTests {
    @Test func recordsComeBackInOrder() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let put = await api.put("s", ["a", "b", "c"], key: "k")
        #expect(put.status == 200)
        #expect(put.json["failed_record_count"] as? Int == 0)
        let records = try #require(put.json["records"] as? [[String: Any]])
        #expect(records.map { $0["sequence_number"] as? String } == ["0", "1", "2"])
        #expect(records.allSatisfy { $0["partition_id"] as? String == "shardId-0000000000" && $0["error_code"] == nil })
        let first = await api.get(await api.cursor("s"))
        #expect(first.texts == ["a", "b", "c"])
        let record = try #require((first.answer.json["records"] as? [[String: Any]])?.first)
        #expect(record["partition_key"] as? String == "k")
        #expect(record["timestamp_type"] as? String == "CreateTime")
        #expect(record["timestamp"] as? Int == Int(api.time.now().milliseconds))
        let second = await api.get(first.next)
        #expect(second.texts.isEmpty && !second.next.isEmpty)
        _ = await api.put("s", ["d"])
        #expect(await api.get(second.next).texts == ["d"])
    }

    // Hashes of section 3.1: `a` lies in the first of two ranges, `key1` (4804732311831850439) in the second.
    @Test(arguments: [
        (#""partition_key":"a""#, 0), (#""partition_key":"key1""#, 1), (#""explicit_hash_key":"0""#, 0),
        (#""explicit_hash_key":9223372036854775807"#, 1), (#""partition_id":"shardId-0000000001""#, 1),
        (#""partition_id":"0","partition_key":"key1""#, 0),
        (#""explicit_hash_key":"4611686018427387902","partition_key":"key1""#, 0),
        (#""explicit_hash_key":"4611686018427387903""#, 1),
    ])
    func partitionIsChosen(selector: String, partition: Int) async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 2)
        let answer = await api.call(
            "POST", "/v2/p1/records", #"{"stream_name":"s","records":[{"data":"YQ==",\#(selector)}]}"#)
        let record = try #require((answer.json["records"] as? [[String: Any]])?.first)
        #expect(record["partition_id"] as? String == PartitionNumber(partition).description, "\(answer.text)")
    }

    @Test func figuresFollowPutsAndGets() async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 1)
        _ = await api.call(
            "POST", "/v2/p1/records",
            #"{"stream_name":"s","records":[{"data":"YWJj"},{"data":"YQ=="},{"data":"YQ==","partition_id":"9"}]}"#)
        let cursor = await api.call(
            "GET", "/v2/p1/cursors?stream-name=s&partition-id=0&cursor-type=TRIM_HORIZON")
        let text = try #require(cursor.json["partition_cursor"] as? String)
        _ = await api.call("GET", "/v2/p1/records?partition-cursor=\(text)")
        let lines = Set(api.metrics.render().split(separator: "\n").map(String.init))
        for line in [
            "sluice_records_put_total 2", "sluice_record_bytes_put_total 4", "sluice_records_refused_total 1",
            "sluice_records_get_total 2", "sluice_record_bytes_get_total 4",
            #"sluice_request_seconds_count{operation="put_records"} 1"#,
            #"sluice_request_seconds_count{operation="get_records"} 1"#,
            #"sluice_request_seconds_count{operation="get_cursor"} 1"#,
            #"sluice_request_seconds_count{operation="control"} 1"#,
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test func refusedRecordsLeaveNoGap() async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 2)
        let answer = await api.call(
            "POST", "/v2/p1/records",
            #"{"stream_name":"s","records":[{"data":"YQ==","partition_id":"0"},{"data":"YQ==","partition_id":"9"},{"data":"YQ==","partition_id":"x"},{"data":"YQ==","explicit_hash_key":"-1"},{"data":"YQ==","partition_id":"0"}]}"#
        )
        #expect(answer.status == 200)
        #expect(answer.json["failed_record_count"] as? Int == 3)
        let records = try #require(answer.json["records"] as? [[String: Any]])
        #expect(records.map { $0["error_code"] as? String } == [nil, "DIS.4302", "DIS.4201", "DIS.4200", nil])
        #expect(records.map { $0["sequence_number"] as? String } == ["0", nil, nil, nil, "1"])
    }

    @Test(arguments: [
        (#"{"stream_name":"s","records":[]}"#, 400, "DIS.4200"), (#"{"stream_name":"s"}"#, 400, "DIS.4200"),
        (#"{"stream_name":"none","records":[{"data":"YQ=="}]}"#, 400, "DIS.4301"),
        (#"{"stream_name":"s","records":[{"data":"!"}]}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","records":[{}]}"#, 400, "DIS.4200"), (#"{"stream_name":"s","#, 400, "DIS.4300"),
        (#"[]"#, 400, "DIS.4200"), ("", 400, "DIS.4202"), (#"{"stream_name":"s","records":{}}"#, 400, "DIS.4200"),
    ])
    func badBodiesChangeNothing(body: String, status: Int, code: String) async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let answer = await api.call("POST", "/v2/p1/records", body)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.code == code, "\(answer.text)")
        for member in ["errorCode", "message", "error_code", "error_msg"] { #expect(answer.json[member] is String) }
        #expect(await api.get(await api.cursor("s")).texts.isEmpty)
    }

    @Test func pagesFillUpToTheirLimit() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        for index in 0..<10 { _ = await api.put("s", [String(repeating: "\(index)", count: 100)]) }
        let cursor = await api.cursor("s")
        #expect(await api.get(cursor, "&max_fetch_bytes=250").texts.count == 2)
        #expect(await api.get(cursor, "&max_fetch_bytes=1000").texts.count == 10)
        #expect(await api.get(cursor, "&limit=3").texts.count == 3)
        let blocked = await api.get(cursor, "&max_fetch_bytes=99")
        #expect(blocked.texts.isEmpty)
        #expect(await api.get(blocked.next, "&max_fetch_bytes=100").texts.count == 1)
        for bad in ["&max_fetch_bytes=0", "&max_fetch_bytes=x", "&limit=0", "&limit=10001"] {
            #expect(await api.get(cursor, bad).answer.code == "DIS.4200")
        }
    }

    @Test func readersShareTheMemoryOfAnswers() async throws {
        let api = try await APIHarness { $0.answerMemory = .zero }
        await api.makeStream("s")
        for index in 0..<3 { _ = await api.put("s", [String(repeating: "\(index)", count: 40_000)]) }
        _ = await api.put("s", [String(repeating: "x", count: 100_000)])
        // One small share: a page of 64 KiB, and a larger record by itself.
        let first = await api.get(await api.cursor("s"), "&max_fetch_bytes=1000000")
        #expect(first.texts.map(\.count) == [40_000])
        var (sizes, next) = (first.texts.map(\.count), first.next)
        while sizes.count < 4 {
            let page = await api.get(next, "&max_fetch_bytes=1000000")
            #expect(page.texts.count == 1)
            sizes += page.texts.map(\.count)
            next = page.next
        }
        #expect(sizes == [40_000, 40_000, 40_000, 100_000])
    }

    @Test func cursorsOfAllTypes() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        _ = await api.put("s", ["a", "b"])
        api.time.advance(by: .seconds(10))
        let middle = api.time.now().milliseconds
        _ = await api.put("s", ["c", "d"])
        func texts(_ more: String) async -> [String] { await api.get(await api.cursor("s", more)).texts }
        #expect(await texts("") == ["a", "b", "c", "d"])
        #expect(await texts("&cursor-type=TRIM_HORIZON") == ["a", "b", "c", "d"])
        #expect(await texts("&cursor-type=AT_SEQUENCE_NUMBER&starting-sequence-number=2") == ["c", "d"])
        #expect(await texts("&starting_sequence_number=4") == [])
        #expect(await texts("&cursor-type=AFTER_SEQUENCE_NUMBER&starting-sequence-number=2") == ["d"])
        #expect(await texts("&cursor-type=AFTER_SEQUENCE_NUMBER&starting-sequence-number=-1") == ["a", "b", "c", "d"])
        #expect(await texts("&cursor-type=AT_TIMESTAMP&timestamp=\(middle)") == ["c", "d"])
        #expect(await texts("&cursor-type=AT_TIMESTAMP&timestamp=\(middle + 100_000)") == [])
        let latest = await api.cursor("s", "&cursor-type=LATEST")
        _ = await api.put("s", ["e"])
        #expect(await api.get(latest).texts == ["e"])
    }

    @Test(arguments: [
        ("&cursor-type=NOPE", "DIS.4215"), ("&starting-sequence-number=5", "DIS.4224"),
        ("&starting-sequence-number=x", "DIS.4216"), ("&starting-sequence-number=9223372036854775808", "DIS.4216"),
        ("&cursor-type=AT_TIMESTAMP&timestamp=-1", "DIS.4200"), ("&cursor-type=AT_TIMESTAMP&timestamp=1", "DIS.4300"),
        ("&cursor-type=AFTER_SEQUENCE_NUMBER&starting-sequence-number=9223372036854775807", "DIS.4224"),
    ])
    func badCursorRequests(query: String, code: String) async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        _ = await api.put("s", ["a"])
        let answer = await api.call("GET", "/v2/p1/cursors?stream-name=s&partition-id=0\(query)")
        #expect(answer.status == 400)
        #expect(answer.code == code, "\(answer.text)")
    }

    @Test func rangeTextIsTheOneClientsParse() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        _ = await api.put("s", ["a"])
        let answer = await api.call("GET", "/v2/p1/cursors?stream-name=s&partition-id=0&starting-sequence-number=120")
        #expect(
            answer.json["message"] as? String
                == "Sequence_number out of range. [120][ should be within ][0][ ][1]")
    }

    @Test func cursorsExpireAndCannotBeForged() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let cursor = await api.cursor("s")
        #expect(cursor.utf8.count <= 512 && cursor.allSatisfy { $0.isLetter || $0.isNumber || "-_=".contains($0) })
        var forged = Array(cursor)
        forged[forged.count / 2] = forged[forged.count / 2] == "A" ? "B" : "A"
        #expect(await api.get(String(forged)).answer.code == "DIS.4217")
        #expect(await api.get("x").answer.code == "DIS.4217")
        api.time.advance(by: .seconds(301))
        #expect(await api.get(cursor).answer.code == "DIS.4225")
    }

    @Test func cursorsOfADeletedStreamFail() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let cursor = await api.cursor("s")
        #expect(await api.call("DELETE", "/v2/p1/streams/s").status == 204)
        #expect(await api.get(cursor).answer.code == "DIS.4301")
        await api.makeStream("s")
        #expect(await api.get(cursor).answer.code == "DIS.4217")
    }

    @Test func recordsExpire() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        _ = await api.put("s", ["old"])
        api.time.advance(by: .seconds(20 * 3600))
        _ = await api.put("s", ["new"])
        api.time.advance(by: .seconds(5 * 3600))
        let cursor = await api.cursor("s", "&starting-sequence-number=0")
        await api.streams.expireRecords()
        #expect(await api.get(cursor).answer.code == "DIS.4226")
        #expect(await api.get(await api.cursor("s")).texts == ["new"])
    }

    @Test func aProducersOldStampsDoNotExpireItsRecords() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        for stamp in [1_000, 4_000_000_000_000, 2_000] {
            let body = #"{"stream_name":"s","records":[{"data":"YQ==","timestamp":\#(stamp)}]}"#
            #expect(await api.call("POST", "/v2/p1/records", body).json["failed_record_count"] as? Int == 0)
            api.time.advance(by: .seconds(3600))
        }
        await api.streams.expireRecords()
        #expect(await api.get(await api.cursor("s")).texts == ["a", "a", "a"])
        // The first one has been there for more than a day now, the others have not.
        api.time.advance(by: .seconds(21 * 3600 + 1))
        await api.streams.expireRecords()
        let shown = await api.call("GET", "/v2/p1/streams/s").json["partitions"] as? [[String: Any]]
        #expect(shown?.first?["sequence_number_range"] as? String == "[1 : 3]")
    }

    @Test func throttledRecordsCarryTheirCode() async throws {
        let api = try await APIHarness { $0.isThrottling = true }
        await api.makeStream("s")
        let data = [String](repeating: "x", count: 1500)
        #expect(await api.put("s", data).json["failed_record_count"] as? Int == 0)
        let refused = await api.put("s", ["y"])
        #expect(refused.json["failed_record_count"] as? Int == 1)
        #expect((refused.json["records"] as? [[String: Any]])?.first?["error_code"] as? String == "DIS.4303")
        api.time.advance(by: .seconds(2))
        #expect(await api.put("s", ["y"]).json["failed_record_count"] as? Int == 0)
    }

    @Test func policiesOpenAStreamToAnotherProject() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let id = try #require(await api.call("GET", "/v2/p1/streams/s").json["stream_id"] as? String)
        let body = #"{"stream_id":"\#(id)","records":[{"data":"YQ=="}]}"#
        let other = [("X-Project-Id", "p2")]
        #expect(await api.call("POST", "/v2/p2/records", body, headers: other).code == "DIS.4301")
        let rule =
            #"{"stream_id":"\#(id)","principal_name":"domain-p2.*","action_type":"putRecords","effect":"accept"}"#
        #expect(await api.call("POST", "/v2/p1/streams/s/policies", rule).status == 200)
        #expect(await api.call("POST", "/v2/p2/records", body, headers: other).status == 200)
        #expect(await api.call("GET", "/v2/p2/streams/\(id)", headers: other).code == "DIS.4301")
        let info = rule.replacingOccurrences(of: "putRecords", with: "getStreamInfo")
        #expect(await api.call("POST", "/v2/p1/streams/s/policies", info).status == 200)
        #expect(
            await api.call("GET", "/v2/p2/streams/\(id)", headers: other).json["stream_name"] as? String == "s")
        #expect(await api.call("DELETE", "/v2/p2/streams/\(id)", headers: other).code == "DIS.4301")
        #expect(await api.call("GET", "/v2/p2/streams/s", headers: other).code == "DIS.4301")
        let deny = #"{"stream_id":"\#(id)","principal_id":"id-p2","action_type":"putRecords","effect":"deny"}"#
        #expect(await api.call("POST", "/v3/p1/streams/s/policies", deny).status == 200)
        let refused = await api.call("POST", "/v2/p2/records", body, headers: other)
        #expect(refused.status == 403 && refused.code == "DIS.4116")
    }
}

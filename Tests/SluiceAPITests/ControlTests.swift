import Foundation
import HTTPTypes
import SluiceAPI
import SluiceCore
import SluiceStreams
import SluiceTesting
import Testing

@Suite struct ControlTests {
    // Body of create_stream, status, code; nothing must exist afterwards.
    @Test(arguments: [
        ("", 400, "DIS.4202"), ("{", 400, "DIS.4300"), ("[]", 400, "DIS.4200"), ("{}", 400, "DIS.4200"),
        (#"{"stream_name":"s"}"#, 400, "DIS.4200"), (#"{"stream_name":"s","partition_count":0}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,}"#, 400, "DIS.4300"),
        (#"{"stream_name":"s","partition_count":1,"tags":[{"key":"a"},]}"#, 400, "DIS.4300"),
        (#"{"stream_name":"s","partition_count":01}"#, 400, "DIS.4300"),
        (#"{"stream_name":"s","partition_count":1,"x":1.}"#, 400, "DIS.4300"),
        (#"{"stream_name":"s","partition_count":1,"x":"\q"}"#, 400, "DIS.4300"),
        (#"{"stream_name":"s","partition_count":1,"x":"\ud800"}"#, 400, "DIS.4300"),
        ("{\"stream_name\":\"s\",\"partition_count\":1,\"x\":\"\u{1}\"}", 400, "DIS.4300"),
        ("\u{feff}{\"stream_name\":\"s\",\"partition_count\":1}", 400, "DIS.4300"),
        ("{\"stream_name\":\"s\",\"partition_count\":1}\0", 400, "DIS.4300"),
        (#"{"stream_name":"s","partition_count":-1}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":"x"}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1.5}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":51}"#, 400, "DIS.4308"),
        (#"{"stream_name":"s","partition_count":11,"stream_type":"ADVANCED"}"#, 400, "DIS.4308"),
        (#"{"stream_name":"a b","partition_count":1}"#, 400, "DIS.4200"),
        (#"{"stream_name":"","partition_count":1}"#, 400, "DIS.4200"),
        (#"{"stream_name":"\#(String(repeating: "s", count: 65))","partition_count":1}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,"stream_type":"X"}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,"data_type":"X"}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,"data_duration":23}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,"data_duration":169}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,"data_schema":"{}"}"#, 400, "DIS.4360"),
        (
            #"{"stream_name":"s","partition_count":1,"data_type":"JSON","data_schema":"{\"type\":\"x\"}"}"#, 400,
            "DIS.4360"
        ),
        (#"{"stream_name":"s","partition_count":1,"compression_format":"rar"}"#, 400, "DIS.4200"),
        (
            #"{"stream_name":"s","partition_count":1,"auto_scale_enabled":true,"auto_scale_min_partition_count":3,"auto_scale_max_partition_count":2}"#,
            400, "DIS.4200"
        ),
        (
            #"{"stream_name":"s","partition_count":1,"auto_scale_enabled":true,"auto_scale_min_partition_count":2,"auto_scale_max_partition_count":4}"#,
            400, "DIS.4200"
        ),
        (#"{"stream_name":"s","partition_count":1,"tags":[{"key":"a.b"}]}"#, 400, "DIS.4200"),
        (#"{"stream_name":"s","partition_count":1,"tags":\#(manyTags(11))}"#, 400, "DIS.4601"),
    ])
    func badStreams(body: String, status: Int, code: String) async throws {
        let api = try await APIHarness()
        let answer = await api.call("POST", "/v2/p1/streams", body)
        #expect(answer.status == status && answer.code == code, "\(answer.text)")
        for member in ["errorCode", "message", "error_code", "error_msg"] { #expect(answer.json[member] is String) }
        #expect(await api.call("GET", "/v2/p1/streams").json["total_number"] as? Int == 0)
    }

    // Bytes of create_stream that are no UTF-8.
    @Test(arguments: [
        Array(#"{"stream_name":"s","partition_count":1,"x":""#.utf8) + [0xff] + Array(#""}"#.utf8),
        Array(#"{"stream_name":"s","partition_count":1}"#.utf8).flatMap { [$0, 0] },
    ])
    func bodiesAreUTF8(body: [UInt8]) async throws {
        let api = try await APIHarness()
        let answer = await api.router.respond(
            to: HTTPRequest(method: "POST", target: "/v2/p1/streams", headers: HTTPFields([]), body: HTTPBody(body)))
        #expect(answer.status == 400)
        #expect(await api.call("GET", "/v2/p1/streams").json["total_number"] as? Int == 0)
    }

    // Method, body, status of a request in an encoding that does not exist.
    @Test(
        arguments: [
            ("GET", nil, 200), ("GET", "x", 200), ("POST", "{}", 415), ("POST", nil, 400),
        ] as [(String, String?, Int)])
    func unknownEncodings(method: String, body: String?, status: Int) async throws {
        let api = try await APIHarness()
        let answer = await api.call(method, "/v2/p1/streams", body, headers: [("Content-Encoding", "br")])
        #expect(answer.status == status, "\(answer.text)")
    }

    private static func manyTags(_ count: Int) -> String {
        "[" + (0..<count).map { #"{"key":"k\#($0)","value":"v"}"# }.joined(separator: ",") + "]"
    }

    private static let manyLabels = String(repeating: "traffic_control_put,", count: 15)

    // Method, target, status, code: routes themselves.
    @Test(arguments: [
        ("GET", "/nope", 404, "DIS.4200"), ("GET", "/v2/p1//streams", 404, "DIS.4200"),
        ("GET", "/v2/p1/streams/a/b/c", 404, "DIS.4200"), ("PATCH", "/v2/p1/streams", 405, "DIS.4200"),
        ("GET", "/v2/p1/streams/%zz", 400, "DIS.4200"), ("GET", "/v2/p2/streams", 400, "DIS.4117"),
        ("GET", "/v2/p1/streams/none", 400, "DIS.4301"), ("DELETE", "/v2/p1/streams/none", 400, "DIS.4301"),
        ("GET", "/v2/p1/streams?limit=0", 400, "DIS.4200"), ("GET", "/v2/p1/streams?limit=x", 400, "DIS.4200"),
        ("DELETE", "/v2/p1/streams", 400, "DIS.4200"), ("GET", "/v2/p1/apps/none", 400, "DIS.4332"),
        ("GET", "/v2/p1/streams/s?start_partitionId=x", 400, "DIS.4201"),
        ("GET", "/v2/p1/stream/none/tags", 400, "DIS.4603"), ("DELETE", "/v2/p1/stream/s/tags/none", 400, "DIS.4604"),
        ("DELETE", "/v2/p1/stream/s/tags", 405, "DIS.4200"),
        ("GET", "/v2/p1/streams/s/metrics?label=nope", 400, "DIS.4209"),
        ("GET", "/v2/p1/streams/s/metrics?label_list=\(manyLabels)", 400, "DIS.4209"),
        ("GET", "/v2/p1/streams/s/metrics?label=traffic_control_put&start_time=2&end_time=1", 400, "DIS.4203"),
        ("GET", "/v2/p1/streams/s/metrics?label=traffic_control_put&start_time=1&end_time=1760000000", 400, "DIS.4204"),
        ("GET", "/v2/p1/streams/s/partitions/9/metrics?label=total_put_bytes_per_partition", 400, "DIS.4302"),
        ("GET", "/v2/p1/checkpoints?stream_name=s&partition_id=0", 400, "DIS.4200"),
        ("GET", "/v2/p1/checkpoints?stream_name=s&partition_id=0&app_name=none", 400, "DIS.4332"),
        ("GET", "/v2/p1/apps/none/streams/s", 400, "DIS.4332"),
    ])
    func badTargets(method: String, target: String, status: Int, code: String) async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let answer = await api.call(method, target)
        #expect(answer.status == status && answer.code == code, "\(answer.text)")
        #expect(answer.headers["Content-Type"] == "application/json")
        #expect(answer.headers["X-Request-Id"]?.count == 32)
    }

    @Test func trailingSlashesAndEscapesFindTheSameStream() async throws {
        let api = try await APIHarness()
        await api.makeStream("s-1")
        for target in ["/v2/p1/streams/s-1", "/v2/p1/streams/s-1/", "/v2/p1/streams/s%2D1//?stream_name=s-1&"] {
            #expect(await api.call("GET", target).status == 200)
        }
    }

    @Test func streamsAreListedPageByPage() async throws {
        let api = try await APIHarness()
        for name in ["b", "a", "d", "c"] { await api.makeStream(name) }
        let first = await api.call("GET", "/v2/p1/streams?limit=3").json
        #expect(first["stream_names"] as? [String] == ["a", "b", "c"])
        #expect(first["has_more_streams"] as? Bool == true && first["total_number"] as? Int == 4)
        let second = await api.call("GET", "/v2/p1/streams?limit=3&start_stream_name=c").json
        #expect(second["stream_names"] as? [String] == ["d"] && second["has_more_streams"] as? Bool == false)
    }

    @Test func namesAreTakenAndFreed() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let again = await api.call("POST", "/v2/p1/streams", #"{"stream_name":"s","partition_count":1}"#)
        #expect(again.code == "DIS.4307")
        #expect(await api.call("DELETE", "/v2/p1/streams/s").text.isEmpty)
        #expect(await api.call("GET", "/v2/p1/streams/s").code == "DIS.4301")
        await api.makeStream("s")
    }

    @Test func theQuotaFollowsEveryChange() async throws {
        let api = try await APIHarness()
        func used() async throws -> Int? {
            let quotas = await api.call("GET", "/v1/p1/quotas").json
            let resources = try #require((quotas["quotas"] as? [String: Any])?["resources"] as? [[String: Any]])
            return resources.first?["used"] as? Int
        }
        #expect(try await used() == 0)
        for (name, count) in [("a", 20), ("b", 30)] {
            let body = #"{"stream_name":"\#(name)","partition_count":\#(count)}"#
            #expect(await api.call("POST", "/v2/p1/streams", body).status == 201)
        }
        #expect(try await used() == 50)
        let refused = await api.call("POST", "/v2/p1/streams", #"{"stream_name":"c","partition_count":1}"#)
        #expect(refused.status == 400)
        let scaled = await api.call(
            "PUT", "/v2/p1/streams/a", #"{"stream_name":"a","target_partition_count":5}"#)
        #expect(scaled.status == 200, "\(scaled.text)")
        #expect(try await used() == 35)
        #expect(await api.call("DELETE", "/v2/p1/streams/b").status == 204)
        #expect(try await used() == 5)
    }

    @Test func threeShapesOfUpdate() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let go = await api.call("PUT", "/v2/p1/streams/s", #"{"stream_name":"s","data_duration":48}"#)
        #expect(go.status == 200, "\(go.text)")
        let java = await api.call(
            "PUT", "/v2/p1/streams/s/update/",
            #"{"stream_name":"s","update_type":"DATA_TYPE","data_type":"json","data_duration":72}"#)
        #expect(java.json["target_data_type"] as? String == "JSON")
        let v3 = await api.call(
            "PUT", "/v3/p1/streams/s",
            #"{"stream_name":"s","auto_scale_enabled":true,"auto_scale_min_partition_count":1,"auto_scale_max_partition_count":4}"#
        )
        #expect(v3.status == 200)
        let shown = await api.call("GET", "/v2/p1/streams/s").json
        #expect(shown["retention_period"] as? Int == 48 && shown["data_type"] as? String == "JSON")
        #expect(shown["auto_scale_max_partition_count"] as? Int == 4)
        let none = await api.call("PUT", "/v2/p1/streams/s", #"{"stream_name":"s"}"#)
        #expect(none.json["message"] as? String == "Invalid request. [Invalid target_partition_count null.]")
    }

    @Test func scalingIsCompleteAtOnceAndRecordsStay() async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 2)
        _ = await api.put("s", ["a"], key: "key1")
        let down = await api.call("PUT", "/v2/p1/streams/s", #"{"target_partition_count":1}"#)
        #expect(down.json["current_partition_count"] as? Int == 2)
        var shown = await api.call("GET", "/v2/p1/streams/s").json
        #expect(shown["writable_partition_count"] as? Int == 1 && shown["readable_partition_count"] as? Int == 2)
        #expect(await api.get(await api.cursor("s", partition: "1")).texts == ["a"])
        let refused = await api.call(
            "POST", "/v2/p1/records", #"{"stream_name":"s","records":[{"data":"YQ==","partition_id":"1"}]}"#)
        #expect(refused.json["failed_record_count"] as? Int == 1)
        _ = await api.call("PUT", "/v2/p1/streams/s", #"{"target_partition_count":"3"}"#)
        shown = await api.call("GET", "/v2/p1/streams/s").json
        let partitions = try #require(shown["partitions"] as? [[String: Any]])
        #expect(partitions.map { $0["status"] as? String } == ["ACTIVE", "ACTIVE", "ACTIVE"])
        #expect(partitions[2]["parent_partitions"] as? String == "shardId-0000000000")
        #expect((shown["update_partition_counts"] as? [[String: Any]])?.count == 2)
        // A partition that opens again goes on counting.
        let again = await api.put("s", ["b"], key: "key1")
        let record = try #require((again.json["records"] as? [[String: Any]])?.first)
        #expect(
            record["partition_id"] as? String == "shardId-0000000001" && record["sequence_number"] as? String == "1")
        #expect(await api.call("PUT", "/v2/p1/streams/s", #"{"target_partition_count":3}"#).code == "DIS.4200")
        #expect(await api.call("PUT", "/v2/p1/streams/s", #"{"target_partition_count":99}"#).code == "DIS.4308")
    }

    @Test func aClosedPartitionExpires() async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 2)
        _ = await api.call("PUT", "/v2/p1/streams/s", #"{"target_partition_count":1}"#)
        api.time.advance(by: .seconds(25 * 3600))
        await api.streams.expireRecords()
        let partitions = try #require(await api.call("GET", "/v2/p1/streams/s").json["partitions"] as? [[String: Any]])
        #expect(partitions[1]["status"] as? String == "EXPIRED" && partitions[1]["sequence_number_range"] is NSNull)
        let cursor = await api.call("GET", "/v2/p1/cursors?stream-name=s&partition-id=1&cursor-type=TRIM_HORIZON")
        #expect(cursor.code == "DIS.4319")
    }

    @Test func appsAndCheckpoints() async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 2)
        let made = await api.call("POST", "/v2/p1/apps/", #"{"app_name":"a"}"#)
        #expect(made.status == 201 && made.text.isEmpty)
        #expect(await api.call("POST", "/v2/p1/apps", #"{"app_name":"a"}"#).code == "DIS.4330")
        #expect(await api.call("POST", "/v2/p1/apps", #"{"app_name":"a b"}"#).code == "DIS.4200")
        let none = "/v2/p1/checkpoints?stream_name=s&partition_id=0&app_name=a&checkpoint_type=LAST_READ"
        #expect(await api.call("GET", none).json["sequence_number"] as? String == "-1")
        func commit(_ number: String, _ more: String = "") async -> APIHarness.Answer {
            await api.call(
                "POST", "/v2/p1/checkpoints",
                #"{"app_name":"a","stream_name":"s","partition_id":"shardId-0000000000","sequence_number":\#(number)\#(more)}"#
            )
        }
        #expect(await commit(#""0""#).status == 201)
        #expect(await commit("1").code == "DIS.4224")
        #expect(await commit(#""x""#).code == "DIS.4216")
        #expect(await commit(#""9223372036854775808""#).code == "DIS.4216")
        #expect(await commit("0", #","checkpoint_type":"X""#).code == "DIS.4200")
        #expect(await commit("0", #","metadata":"\#(String(repeating: "m", count: 1001))""#).code == "DIS.4200")
        #expect(await commit("0", #","metadata":"note""#).status == 201)
        let shown = await api.call("GET", none).json
        #expect(shown["metadata"] as? String == "note" && shown["metaData"] as? String == "note")
        let app = await api.call("GET", "/v2/p1/apps/a").json
        #expect(app["commit_checkpoint_stream_names"] as? [String] == ["s"])
        let state = await api.call("GET", "/v2/p1/apps/a/streams/s?start_partition_id=0&limit=1").json
        #expect(state["has_more"] as? Bool == true)
        let rows = try #require(state["partition_consuming_states"] as? [[String: Any]])
        #expect(rows.count == 1 && rows[0]["sequence_number"] as? String == "0")
        let apps = await api.call("GET", "/v2/p1/apps?stream_name=s").json
        #expect(apps["total_number"] as? Int == 1)
        #expect(await api.call("DELETE", "/v2/p1/checkpoints?stream_name=s&app_name=a").status == 204)
        #expect(await api.call("GET", none).json["sequence_number"] as? String == "-1")
        _ = await commit("0")
        _ = await api.call("DELETE", "/v2/p1/streams/s")
        #expect(
            (await api.call("GET", "/v2/p1/apps/a").json["commit_checkpoint_stream_names"] as? [String])?.isEmpty
                == true)
        #expect(await api.call("DELETE", "/v2/p1/apps/a").status == 204)
        #expect(await api.call("DELETE", "/v2/p1/apps/a").code == "DIS.4332")
    }

    @Test func aGroupTakesItsPartitions() async throws {
        let api = try await APIHarness()
        await api.makeStream("s", partitions: 3)
        let base = "/v2/p1/apps/g/consumers"
        let join = #"{"groupId":"g","clientId":"c1","interestedStream":["s"]}"#
        #expect(await api.call("POST", base, join).json["state"] as? String == "GROUP_NOT_EXIST")
        _ = await api.call("POST", "/v2/p1/apps", #"{"app_name":"g"}"#)
        let beat = await api.call("POST", "\(base)/c1/heartbeats/", #"{"clientId":"c1","groupId":"g","generation":-1}"#)
        #expect(beat.json["state"] as? String == "JOINING")
        let joined = await api.call("POST", "\(base)/", join).json
        #expect(joined["state"] as? String == "OK" && joined["subscription"] as? [String] == ["s"])
        let delay = try #require(joined["syncDelayedTimeMs"] as? Int)
        api.time.advance(by: .milliseconds(delay))
        let synced = await api.call(
            "POST", "\(base)/c1/partitions/", #"{"groupId":"g","clientId":"c1","generation":-1}"#
        ).json
        #expect(synced["state"] as? String == "OK" && (synced["assignment"] as? [String: [Int]]) == ["s": [0, 1, 2]])
        let generation = try #require(synced["generation"] as? Int)
        let stable = await api.call("POST", "\(base)/c1/heartbeats", #"{"generation":\#(generation)}"#)
        #expect(stable.json["state"] as? String == "STABLE")
        #expect(await api.call("DELETE", "/v2/p1/apps/g").code == "DIS.4331")
        let bad = await api.call("POST", base, #"{"groupId":"g","clientId":"c2","interestedStream":["none"]}"#)
        #expect(bad.json["state"] as? String == "ERR_SUBSCRIPTION")
        #expect(await api.call("DELETE", "\(base)/c1/").status == 204)
        #expect(await api.call("DELETE", "/v2/p1/apps/g").status == 204)
    }

    @Test func tagsAndSearch() async throws {
        let api = try await APIHarness()
        await api.makeStream("meters")
        await api.makeStream("alarms")
        let id = try #require(await api.call("GET", "/v2/p1/streams/meters").json["stream_id"] as? String)
        #expect(
            await api.call("POST", "/v2/p1/stream/\(id)/tags", #"{"tag":{"key":"env","value":"lab"}}"#).status == 204)
        let many = await api.call(
            "POST", "/v2/p1/stream/alarms/tags/action",
            #"{"action":"create","tags":[{"key":"env","value":"prod"},{"key":"x"}]}"#)
        #expect(many.status == 204)
        #expect(
            await api.call("POST", "/v2/p1/stream/alarms/tags/action", #"{"action":"nope","tags":[]}"#).code
                == "DIS.4605")
        let tags = await api.call("GET", "/v2/p1/stream/tags").json["tags"] as? [[String: Any]]
        #expect(tags?.first?["values"] as? [String] == ["lab", "prod"])
        func found(_ body: String) async -> [String] {
            let answer = await api.call("POST", "/v2/p1/stream/resource_instances/action", body)
            return (answer.json["resources"] as? [[String: Any]] ?? []).compactMap { $0["resource_name"] as? String }
        }
        #expect(await found(#"{"action":"filter","tags":[{"key":"env","values":["lab"]}]}"#) == ["meters"])
        #expect(await found(#"{"action":"filter","tags":[{"key":"env","values":[]}]}"#) == ["alarms", "meters"])
        #expect(await found(#"{"action":"filter","tags":[{"key":"env","values":["*ro"]}]}"#) == ["alarms"])
        #expect(await found(#"{"action":"filter","not_tags_any":[{"key":"x","values":[]}]}"#) == ["meters"])
        #expect(await found(#"{"action":"filter","limit":"1","offset":"1"}"#) == ["meters"])
        #expect(await found(#"{"action":"filter","matches":[{"key":"resource_name","value":"met"}]}"#) == ["meters"])
        #expect(
            await found(##"{"action":"filter","matches":"[{\"key\":\"resource_name\",\"value\":\"met\"}]"}"##) == [
                "meters"
            ])
        let count = await api.call("POST", "/v2/p1/stream/resource_instances/action", #"{"action":"count"}"#).json
        #expect(count["total_count"] as? Int == 2 && count["resources"] == nil)
        #expect(await api.call("DELETE", "/v2/p1/stream/meters/tags/env").status == 204)
    }

    @Test func metricsTellWhatPassed() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        _ = await api.put("s", ["abc", "de"])
        _ = await api.get(await api.cursor("s"))
        let answer = await api.call(
            "GET",
            "/v2/p1/streams/s/metrics?label_list=total_put_bytes_per_stream,total_get_records_per_stream&start_time="
        ).json
        let list = try #require(answer["metrics_list"] as? [[String: Any]])
        func last(_ index: Int, _ member: String) -> Int? {
            (list[index][member] as? [[String: Any]])?.last?["value"] as? Int
        }
        #expect(last(0, "dataPoints") == 5 && last(0, "data_points") == 5 && last(1, "dataPoints") == 2)
        #expect((answer["metrics"] as? [String: Any])?["label"] as? String == "total_put_bytes_per_stream")
        let quotas = await api.call("GET", "/v1/p1/quotas").json
        let resources = try #require((quotas["quotas"] as? [String: Any])?["resources"] as? [[String: Any]])
        #expect(resources.first?["used"] as? Int == 1 && resources.first?["quota"] as? Int == 50)
    }

    @Test func projectsSeeOnlyTheirOwn() async throws {
        let api = try await APIHarness()
        await api.makeStream("s")
        let other = [("X-Project-Id", "p2")]
        #expect(await api.call("GET", "/v2/p2/streams", headers: other).json["total_number"] as? Int == 0)
        #expect(await api.call("GET", "/v2/p2/streams/s", headers: other).code == "DIS.4301")
        let id = try #require(await api.call("GET", "/v2/p1/streams/s").json["stream_id"] as? String)
        #expect(await api.call("GET", "/v2/p2/streams/\(id)", headers: other).code == "DIS.4301")
        #expect(await api.call("GET", "/v2/p1/streams/\(id)").status == 200)
    }
}

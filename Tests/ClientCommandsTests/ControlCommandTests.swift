import Foundation
import HTTPTypes
import ScriptedServer
import Terminal
import Testing

@testable import ClientCommands

@Suite(.timeLimit(.minutes(1))) struct ControlCommandTests {
    private static func answer(_ call: String) -> HTTPResponse? {
        switch call {
        case "GET /v2/p1/streams?limit=100":
            return json(
                200,
                #"{"total_number":2,"stream_names":["a"],"has_more_streams":true,"stream_info_list":[{"stream_name":"a","partition_count":3,"retention_period":24,"status":"RUNNING","stream_type":"COMMON","data_type":"BLOB","create_time":1767323045000}]}"#
            )
        case "GET /v2/p1/streams?limit=100&start_stream_name=a":
            return json(
                200,
                #"{"total_number":2,"stream_names":["b"],"has_more_streams":false,"stream_info_list":[{"stream_name":"b"}]}"#
            )
        case "GET /v2/p1/streams/s?limit_partitions=1000":
            return json(
                200,
                #"{"stream_name":"s","stream_id":"ID","status":"RUNNING","retention_period":24,"partitions":[{"partition_id":"shardId-0000000000","status":"ACTIVE","sequence_number_range":"[2 : 12]","hash_range":"[0 : 9]"}],"has_more_partitions":true}"#
            )
        case "GET /v2/p1/streams/s?limit_partitions=1000&start_partitionId=shardId-0000000000":
            return json(
                200,
                #"{"stream_name":"s","partitions":[{"partition_id":"shardId-0000000001","status":"DELETED","sequence_number_range":"[0 : 0]"}],"has_more_partitions":false}"#
            )
        case "GET /v2/p1/apps?limit=100":
            return json(
                200,
                #"{"has_more_app":false,"total_number":1,"apps":[{"app_name":"x","commit_checkpoint_stream_names":["s","t"]}]}"#
            )
        case "GET /v2/p1/apps/x/streams/s?checkpoint_type=LAST_READ&limit=1000":
            return json(
                200,
                #"{"has_more":false,"partition_consuming_states":[{"partition_id":"shardId-0000000000","sequence_number":"-1","latest_offset":12,"earliest_offset":2},{"partition_id":"shardId-0000000001","sequence_number":"7","latest_offset":10,"earliest_offset":0}]}"#
            )
        case "GET /v2/p1/checkpoints?app_name=x&checkpoint_type=LAST_READ&partition_id=0&stream_name=s":
            return json(200, #"{"sequence_number":"12","metadata":"note"}"#)
        case "POST /v3/auth/tokens?nocatalog=true":
            return HTTPResponse(status: 201, headers: HTTPFields([("X-Subject-Token", "to'k")]), body: Array("{}".utf8))
        case "GET /v2/p1/streams/s/transfer-tasks":
            return json(
                200,
                #"{"total_number":2,"quota":5,"tasks":[{"task_id":"T1","task_name":"t","state":"RUNNING","destination_type":"OBS"},{"task_id":"T2","task_name":"u","state":"PAUSED","destination_type":"OBS"}]}"#
            )
        case "GET /v2/p1/streams/s/transfer-tasks/t":
            return json(
                200,
                #"{"task_name":"t","task_id":"T1","state":"RUNNING","destination_type":"OBS","partitions":[{"partition_id":"shardId-0000000000","state":"RUNNING","last_transfer_offset":8,"discard":0}],"lag":{"records":3,"bytes":2048,"seconds":12.5},"delivered":9,"delivered_bytes":90,"parked":1,"last_object":"o","obs_destination_description":{"task_name":"t","obs_bucket_path":"b","deliver_time_interval":300,"record_delimiter":"\n"}}"#
            )
        case _ where call.hasPrefix("DELETE "): return HTTPResponse(status: 204)
        case _ where call.hasPrefix("POST "): return HTTPResponse(status: 201)
        case _ where call.hasPrefix("PUT "): return json(200, "{}")
        default: return nil
        }
    }

    private func run(_ line: String) async throws -> (Outcome, [String], [HTTPRequest]) {
        let service = try FakeService { call, _ in Self.answer(call) }
        defer { service.server.stop() }
        let outcome = await service.run(line)
        return (outcome, service.calls, service.server.requests)
    }

    /// Command, its last call, the body of that as JSON (empty for none), and what a person reads.
    static let changeRows: [(String, String, String, String)] = [
        (
            "stream create s --partitions 3 --type ADVANCED --retention 48 --data-type JSON --auto-scale 1:6 --tag env=lab --tag x",
            "POST /v2/p1/streams",
            #"{"stream_name":"s","partition_count":3,"stream_type":"ADVANCED","data_duration":48,"data_type":"JSON","auto_scale_enabled":true,"auto_scale_min_partition_count":1,"auto_scale_max_partition_count":6,"tags":[{"key":"env","value":"lab"},{"key":"x","value":""}]}"#,
            "Stream 's' has 3 partitions.\n"
        ),
        (
            "stream create s", "POST /v2/p1/streams", #"{"stream_name":"s","partition_count":1}"#,
            "Stream 's' has 1 partition.\n"
        ),
        (
            "stream scale s 4", "PUT /v2/p1/streams/s", #"{"stream_name":"s","target_partition_count":4}"#,
            "Stream 's' has 4 writable partitions.\n"
        ),
        (
            "stream update s --retention 72 --auto-scale off", "PUT /v3/p1/streams/s",
            #"{"stream_name":"s","data_duration":72,"auto_scale_enabled":false}"#, "Stream 's' is updated.\n"
        ),
        ("stream delete a/ü", "DELETE /v2/p1/streams/a%2F%C3%BC", "", "Stream 'a/ü' is deleted.\n"),
        ("app create x", "POST /v2/p1/apps", #"{"app_name":"x"}"#, "App 'x' is created.\n"),
        ("app delete x", "DELETE /v2/p1/apps/x", "", "App 'x' is deleted.\n"),
        (
            "checkpoint commit x s 0 12 --metadata m", "POST /v2/p1/checkpoints",
            #"{"app_name":"x","stream_name":"s","partition_id":"0","sequence_number":"12","checkpoint_type":"LAST_READ","metadata":"m"}"#,
            "The checkpoint is at 12.\n"
        ),
        (
            "checkpoint delete x s --partition 1",
            "DELETE /v2/p1/checkpoints?app_name=x&checkpoint_type=LAST_READ&partition_id=1&stream_name=s", "",
            "The checkpoints are deleted.\n"
        ),
        (
            "task create obs s t --bucket b --from earliest --interval 30 --format parquet --prefix raw --time-member ts --time-type Timestamp",
            "POST /v2/p1/streams/s/transfer-tasks",
            #"{"destination_type":"OBS","obs_destination_descriptor":{"task_name":"t","obs_bucket_path":"b","consumer_strategy":"TRIM_HORIZON","deliver_time_interval":30,"destination_file_type":"parquet","file_prefix":"raw","processing_schema":{"timestamp_name":"ts","timestamp_type":"Timestamp"}}}"#,
            "Task 't' delivers 's' to 'b'.\n"
        ),
        (
            "task start s t u", "POST /v2/p1/streams/s/transfer-tasks/action",
            #"{"action":"start","tasks":[{"id":"t"},{"id":"u"}]}"#, "2 tasks are started.\n"
        ),
        (
            "task stop s --all", "POST /v2/p1/streams/s/transfer-tasks/action",
            #"{"action":"stop","tasks":[{"id":"T1"},{"id":"T2"}]}"#, "2 tasks are stopped.\n"
        ),
        (
            "task update s t --interval 60", "PUT /v2/p1/streams/s/transfer-tasks",
            #"{"destination_type":"OBS","obs_destination_descriptor":{"task_name":"t","obs_bucket_path":"b","deliver_time_interval":60,"record_delimiter":"\n"}}"#,
            "Task 't' is updated.\n"
        ),
        ("task delete s t", "DELETE /v2/p1/streams/s/transfer-tasks/t", "", "Task 't' is deleted.\n"),
    ]

    @Test(arguments: changeRows)
    func changes(line: String, call: String, body: String, text: String) async throws {
        let (outcome, calls, requests) = try await run(line)
        #expect(outcome.code == .success, "\(outcome.errors)")
        #expect(outcome.output == text)
        #expect(calls.last == call)
        let sent = try #require(requests.last).body.array
        if body.isEmpty {
            #expect(sent.isEmpty)
        } else {
            #expect(try object(sent) == object(Array(body.utf8)))
        }
        let (machine, _, _) = try await run(line + " --output json")
        #expect(machine.code == .success)
        #expect(try object(Array(machine.output.utf8)).count == 0)
    }

    static let answerRows: [(String, String)] = [
        (
            "stream list",
            """
            NAME  STATUS   TYPE    DATA  PARTITIONS  RETENTION  CREATED
            a     RUNNING  COMMON  BLOB           3       24 h  2026-01-02 03:04:05Z
            b

            """
        ),
        (
            "stream show s",
            """
            Name:      s
            Id:        ID
            Status:    RUNNING
            Retention: 24 h

            PARTITION           STATUS   EARLIEST  NEXT  RECORDS  HASH RANGE  PARENTS
            shardId-0000000000  ACTIVE          2    12       10  [0 : 9]
            shardId-0000000001  DELETED         0     0        0

            """
        ),
        ("app list", "NAME  CREATED  STREAMS\nx              s, t\n"),
        (
            "app state x s",
            """
            PARTITION           STATUS  CHECKPOINT  EARLIEST  NEXT  BEHIND
            shardId-0000000000                none         2    12      10
            shardId-0000000001                   7         0    10       2

            """
        ),
        ("checkpoint show x s 0", "Sequence number: 12\nMetadata:        note\n"),
        (
            "task list s",
            """
            NAME  STATE    TO   CREATED  LAST DELIVERY  ID
            t     RUNNING  OBS                          T1
            u     PAUSED   OBS                          T2

            """
        ),
        ("token", "to'k\n"),
        (#"token --output json"#, ""),
        ("task watch s t --count 1", "RUNNING  lag 3 records, 2.0 KiB, 12 s  parked 1  last o\n"),
    ]

    @Test(arguments: answerRows)
    func answers(line: String, text: String) async throws {
        let (outcome, _, _) = try await run(line)
        #expect(outcome.code == .success, "\(outcome.errors)")
        if !text.isEmpty { #expect(outcome.output == text) }
        let (machine, _, _) = try await run(line + (line.contains("json") ? "" : " --output json"))
        #expect(machine.code == .success)
        _ = try object(Array(machine.output.utf8))
    }

    @Test func listsForPrograms() async throws {
        let (outcome, _, _) = try await run("stream list --output json")
        let streams = try #require(try object(Array(outcome.output.utf8))["streams"] as? [[String: Any]])
        #expect(streams.map { $0["stream_name"] as? String } == ["a", "b"])
    }

    @Test func tokensForShells() async throws {
        let (outcome, _, requests) = try await run("token --export")
        #expect(outcome.output.hasSuffix("export SLUICE_PROJECT_ID='p1'\nexport SLUICE_TOKEN='to'\\''k'\n"))
        let body = try object(requests[0].body.array)
        let auth = try #require(body["auth"] as? [String: Any])
        #expect((auth["identity"] as? [String: Any])?["methods"] as? [String] == ["hw_ak_sk"])
        #expect(requests[0].headers["Authorization"] == nil)
    }

    @Test(arguments: [
        "stream create", "stream create s --partitions 0", "stream create s --partitions x",
        "stream create s --data-type XML",
        "stream create s --auto-scale 3", "stream create s --auto-scale 3:1", "stream update s", "stream scale s 0",
        "stream scale s", "app create", "checkpoint commit x s 0 -2", "checkpoint commit x s 0 y",
        "task create obs s t",
        "task start s", "task start s t --all", "task update s t", "task create obs s t --bucket b --time-type String",
        "task deliveries s t --sequence-number 4", "task watch s t --interval 0",
    ])
    func usage(line: String) async throws {
        let (outcome, calls, _) = try await run(line)
        #expect(outcome.code == .usage, "\(outcome.errors)")
        #expect(calls.isEmpty)
        #expect(outcome.errors.hasPrefix("Error: "))
    }
}

@Suite(.timeLimit(.minutes(1))) struct LedgerTests {
    private func service(_ secondPage: String) throws -> FakeService {
        try FakeService { call, _ in
            let base = "GET /v2/p1/streams/s/transfer-tasks/t"
            switch call {
            case base + "/deliveries?limit=1000", base + "/deliveries?limit=1":
                return json(
                    200,
                    #"{"deliveries":[{"object":"o1","partition_id":"shardId-0000000000","first_sequence_number":"0","last_sequence_number":"9","records":10,"bytes":100,"checksum":"c","delivered_at":1767323045000}],"next":"n 1"}"#
                )
            case base + "/deliveries?limit=999&next=n%201":
                return json(200, #"{"deliveries":[\#(secondPage)],"next":null}"#)
            default: return nil
            }
        }
    }

    @Test func listsDeliveries() async throws {
        let service = try service(
            #"{"object":"o2","partition_id":"shardId-0000000000","first_sequence_number":10,"last_sequence_number":19,"records":10}"#
        )
        defer { service.server.stop() }
        let outcome = await service.run("task deliveries s t")
        #expect(
            outcome.output == """
                OBJECT  PARTITION           FIRST  LAST  RECORDS   SIZE  CHECKSUM  DELIVERED
                o1      shardId-0000000000      0     9       10  100 B  c         2026-01-02 03:04:05Z
                o2      shardId-0000000000     10    19       10

                """)
        let timed = await service.run("task deliveries s t --since 15m --until 2026-01-02T03:04:05Z")
        #expect(timed.code == .failure)
        #expect(service.calls.last?.hasSuffix("?end_time=1767323045000&limit=1000&start_time=1767322145000") == true)
        #expect(await service.run("task deliveries s t --since earliest").code == .usage)
        let one = await service.run("task deliveries s t --limit 1 --output json")
        #expect((try object(Array(one.output.utf8))["deliveries"] as? [Any])?.count == 1)
        #expect(try object(Array(one.output.utf8))["next"] as? String == "n 1")
        #expect(await service.run("task deliveries s t --limit 1").errors.hasPrefix("There are more"))
    }
}

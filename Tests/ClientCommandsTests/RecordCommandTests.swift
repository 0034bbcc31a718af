import Foundation
import HTTPTypes
import ScriptedServer
import SluiceCore
import Synchronization
import Terminal
import Testing

@testable import ClientCommands

@Suite(.timeLimit(.minutes(1))) struct RecordPutTests {
    @Test func directRecordsTellTheirPlace() async throws {
        let service = try FakeService { _, request in stored(request, from: 41) }
        defer { service.server.stop() }
        let outcome = await service.run("record put s --data one --data two --key k")
        #expect(outcome.code == .success)
        #expect(outcome.output == "shardId-0000000000 41\nshardId-0000000000 42\n")
        #expect(outcome.errors.hasPrefix("Put 2 records, 6 B, in"))
        #expect(service.calls == ["POST /v2/p1/records"])
        let sent = try records(service.server.requests[0])
        #expect(sent.map(\.data) == ["one", "two"])
        #expect(sent.allSatisfy { $0.key == "k" })
    }

    @Test func sendsEveryLineOnce() async throws {
        let service = try FakeService { _, request in stored(request) }
        defer { service.server.stop() }
        let lines = (0..<5000).map { "line \($0)" }
        let input = Array((lines.joined(separator: "\n") + "\n").utf8)
        let pieces = stride(from: 0, to: input.count, by: 1000).map { Array(input[$0..<min($0 + 1000, input.count)]) }
        for inFlight in ["1", "7"] {
            let before = service.server.requests.count
            let outcome = await service.run(
                ["record", "put", "s", "--in-flight", inFlight, "--output", "json"], input: pieces)
            #expect(outcome.code == .success, "\(outcome.errors)")
            let report = try object(Array(outcome.output.utf8))
            #expect(report["records"] as? Int == 5000)
            #expect(report["failed"] as? Int == 0)
            let sent = try service.server.requests[before...].flatMap { try records($0).map(\.data) }
            #expect(inFlight == "1" ? sent == lines : sent.sorted() == lines.sorted())
        }
    }

    @Test func sendsAgainWhatIsRefusedForAMoment() async throws {
        let attempts = Mutex([String: Int]())
        let service = try FakeService { _, request in
            let data = (try? records(request).map(\.data)) ?? []
            let results = data.map { text -> String in
                let attempt = attempts.withLock { attempts in
                    attempts[text, default: 0] += 1
                    return attempts[text] ?? 0
                }
                switch text {
                case "throttled" where attempt < 4: return #"{"error_code":"DIS.4303","error_message":"Slow down."}"#
                case "broken" where attempt < 2: return #"{"error_code":"DIS.5250","error_message":"Disk."}"#
                case "wrong": return #"{"error_code":"DIS.4302","error_message":"No such partition."}"#
                default: return #"{"partition_id":"shardId-0000000000","sequence_number":"1"}"#
                }
            }
            let failed = results.count { $0.contains("error_code") }
            return json(200, #"{"failed_record_count":\#(failed),"records":[\#(results.joined(separator: ","))]}"#)
        }
        defer { service.server.stop() }
        let outcome = await service.run("record put s", input: "fine\nthrottled\nwrong\nbroken\n")
        #expect(outcome.code == .failure)
        #expect(outcome.errors.contains("Put 3 records"))
        #expect(outcome.errors.contains("  line 3: DIS.4302: No such partition.\n"))
        #expect(outcome.errors.contains("1 of 4 records were refused."))
        #expect(attempts.withLock { $0 } == ["fine": 1, "throttled": 4, "wrong": 1, "broken": 2])
    }

    @Test func givesUpAfterItsRetries() async throws {
        let service = try FakeService { _, _ in
            json(200, #"{"failed_record_count":1,"records":[{"error_code":"DIS.4303","error_message":"Slow down."}]}"#)
        }
        defer { service.server.stop() }
        let outcome = await service.run("record put s --retries 3", input: "x\n")
        #expect(outcome.code == .failure)
        #expect(service.calls.count == 4)
        #expect(outcome.errors.contains("DIS.4303: 1 of 1 records were refused."))
    }

    @Test func repeatsWholeRequestsThatStoredNothing() async throws {
        let count = Mutex(0)
        let service = try FakeService { _, request in
            let turn = count.withLock { count in
                count += 1
                return count
            }
            return turn < 3 ? refusal(500, "DIS.5000", "System error.") : stored(request)
        }
        defer { service.server.stop() }
        let outcome = await service.run("record put s", input: "x\n")
        #expect(outcome.code == .success)
        #expect(service.calls.count == 3)
    }

    @Test(arguments: [("DIS.4301", ExitCode.failure), ("DIS.4107", .noPermission)])
    func stopsAtARefusedRequest(code: String, exitCode: ExitCode) async throws {
        let service = try FakeService { _, _ in refusal(exitCode == .failure ? 400 : 401, code, "No.") }
        defer { service.server.stop() }
        let outcome = await service.run("record put s --in-flight 1 --batch 1", input: "x\ny\nz\n")
        #expect(outcome.code == exitCode)
        #expect(service.calls.count == 1)
        #expect(outcome.errors.contains("Error: \(code): No.\n"))
    }

    @Test func aBadLineEndsTheInputAfterTheGoodOnes() async throws {
        let service = try FakeService { _, request in stored(request) }
        defer { service.server.stop() }
        let outcome = await service.run("record put s --ndjson", input: "{\"a\":1}\n\n[2]\n{bad\n{\"a\":3}\n")
        #expect(outcome.code == .failure)
        #expect(outcome.errors.contains("Put 2 records"))
        #expect(outcome.errors.contains("Error: Line 4 is not JSON (byte 2)."))
        #expect(try service.server.requests.flatMap { try records($0).map(\.data) } == ["{\"a\":1}", "[2]"])
    }

    @Test func readsFiles() async throws {
        let service = try FakeService { _, request in stored(request) }
        defer { service.server.stop() }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("put-\(UUID())")
        let lines = (0..<100_000).map { "{\"n\":\($0),\"id\":\"\($0 % 10)\"}" }
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let outcome = await service.run(
            ["record", "put", "s", "--file", file.path, "--ndjson", "--key-field", "id", "--output", "json"])
        #expect(outcome.code == .success, "\(outcome.errors)")
        let sent = try service.server.requests.flatMap { try records($0) }
        #expect(sent.map(\.data) == lines)
        #expect(sent.enumerated().allSatisfy { $0.element.key == String($0.offset % 10) })
    }

    @Test(arguments: [
        "record put s --data x --file y", "record put s --key-field x", "record put s --ndjson --key-field x --key y",
        "record put s --in-flight 0", "record put s --in-flight 65", "record put s --batch 501",
        "record put s --retries -1",
        "record put", "record get s --at nowhere", "record get s --partition x", "record get s --limit 0",
    ])
    func usage(line: String) async throws {
        let service = try FakeService { _, request in stored(request) }
        defer { service.server.stop() }
        let outcome = await service.run(line)
        #expect(outcome.code == .usage)
        #expect(service.calls.isEmpty)
    }

    @Test func aMissingFile() async throws {
        let service = try FakeService { _, request in stored(request) }
        defer { service.server.stop() }
        let outcome = await service.run("record put s --file /nonexistent/x")
        #expect(outcome.code == .failure)
        #expect(outcome.errors.contains("cannot be opened: No such file"))
    }
}

/// A stream with numbered records in each partition, served page by page.
private struct FakeStream: Sendable {
    let counts: [Int]
    let pageSize: Int
    /// Records that come later: after so many reads of the end.
    var lateRecords = 0
    let emptyReads = Mutex2(0)

    final class Mutex2: Sendable {
        let value: Mutex<Int>
        init(_ value: Int) { self.value = Mutex(value) }
    }

    func answer(_ call: String) -> HTTPResponse? {
        let query = URLComponents(string: "http://h" + (call.split(separator: " ").last ?? ""))?.queryItems ?? []
        let value = { (name: String) in query.first { $0.name == name }?.value }
        if call.hasPrefix("GET /v2/p1/streams/s?") {
            let partitions = counts.indices.map { index in
                #"{"partition_id":"shardId-000000000\#(index)","status":"ACTIVE","sequence_number_range":"[0 : \#(counts[index])]"}"#
            }
            let expired = #"{"partition_id":"shardId-0000000009","status":"EXPIRED","sequence_number_range":null}"#
            return json(
                200,
                #"{"stream_name":"s","partitions":[\#((partitions + [expired]).joined(separator: ","))],"has_more_partitions":false}"#
            )
        }
        if call.hasPrefix("GET /v2/p1/cursors?") {
            let partition = (value("partition-id") ?? "").suffix(1)
            let start =
                switch value("cursor-type") {
                case "TRIM_HORIZON": 0
                case "LATEST": counts[Int(partition) ?? 0]
                default: Int(value("starting-sequence-number") ?? "0") ?? 0
                }
            return json(200, #"{"partition_cursor":"\#(partition)-\#(start)"}"#)
        }
        if call.hasPrefix("GET /v2/p1/records?"), let cursor = value("partition-cursor")?.split(separator: "-") {
            let partition = Int(cursor[0]) ?? 0
            let start = Int(cursor[1]) ?? 0
            var end = counts[partition]
            if start >= end {
                let reads = emptyReads.value.withLock { reads in
                    reads += 1
                    return reads
                }
                if reads > 3 { end += lateRecords }
            }
            let limit = min(pageSize, Int(value("limit") ?? "") ?? pageSize)
            let numbers = start..<max(start, min(end, start + limit))
            let records = numbers.map { number in
                let data = Data("\(partition):\(number)".utf8).base64EncodedString()
                return
                    #"{"sequence_number":"\#(number)","data":"\#(data)","timestamp":1,"timestamp_type":"CreateTime","partition_key":"k"}"#
            }
            return json(
                200,
                #"{"records":[\#(records.joined(separator: ","))],"next_partition_cursor":"\#(partition)-\#(numbers.upperBound)"}"#
            )
        }
        return nil
    }
}

@Suite(.timeLimit(.minutes(1))) struct RecordGetTests {
    private func run(_ line: String, _ stream: FakeStream, closesAfter: Int? = nil) async throws -> Outcome {
        let service = try FakeService { call, _ in stream.answer(call) }
        defer { service.server.stop() }
        return await service.run(line.split(separator: " ").map(String.init), closesAfter: closesAfter)
    }

    @Test(arguments: [
        ("record get s", ["0:0", "0:1", "0:2", "0:3", "0:4", "2:0"]), ("record get s --partition 2", ["2:0"]),
        ("record get s --partition shardId-0000000000 --at 3", ["0:3", "0:4"]),
        ("record get s --limit 3", ["0:0", "0:1", "0:2"]),
        ("record get s --at latest", []), ("record get s --partition 1", []),
    ])
    func pages(line: String, expected: [String]) async throws {
        let outcome = try await run(line, FakeStream(counts: [5, 0, 1], pageSize: 2))
        #expect(outcome.code == .success, "\(outcome.errors)")
        #expect(outcome.output == expected.map { $0 + "\n" }.joined())
    }

    @Test func jsonLines() async throws {
        let outcome = try await run("record get s --output json", FakeStream(counts: [1], pageSize: 2))
        #expect(
            outcome.output
                == #"{"partition_id":"shardId-0000000000","sequence_number":"0","timestamp":1,"partition_key":"k","data":"0:0"}"#
                + "\n")
    }

    @Test(arguments: [
        ("record get s --at 3", ExitCode.usage, "--partition"),
        ("record get s --partition 9", .failure, "shardId-0000000009"),
        ("record get other", .failure, "404"),
    ])
    func refusals(line: String, code: ExitCode, message: String) async throws {
        let outcome = try await run(line, FakeStream(counts: [5, 0, 1], pageSize: 2))
        #expect(outcome.code == code)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test func tailWaitsForWhatComes() async throws {
        let stream = FakeStream(counts: [5], pageSize: 2, lateRecords: 3)
        let outcome = try await run("record tail s --limit 3", stream)
        #expect(outcome.code == .success, "\(outcome.errors)")
        #expect(outcome.output == "0:5\n0:6\n0:7\n")
    }

    @Test func getFollows() async throws {
        let stream = FakeStream(counts: [2], pageSize: 2, lateRecords: 1)
        let outcome = try await run("record get s --follow --limit 3", stream)
        #expect(outcome.output == "0:0\n0:1\n0:2\n")
    }

    @Test func endsWithItsReader() async throws {
        let stream = FakeStream(counts: [5], pageSize: 2, lateRecords: 1_000_000)
        let outcome = try await run("record tail s", stream, closesAfter: 1000)
        #expect(outcome.code == .success)
        #expect(outcome.errors.isEmpty)
    }

    @Test func replacesExpiredCursors() async throws {
        let stream = FakeStream(counts: [5], pageSize: 2)
        let expired = Mutex(false)
        let service = try FakeService { call, _ in
            if call.hasPrefix("GET /v2/p1/records?"), call.contains("partition-cursor=0-2"),
                expired.withLock({ was in
                    defer { was = true }
                    return !was
                })
            {
                return refusal(400, "DIS.4225", "Expired partition cursor.")
            }
            return stream.answer(call)
        }
        defer { service.server.stop() }
        let outcome = await service.run("record get s")
        #expect(outcome.output == "0:0\n0:1\n0:2\n0:3\n0:4\n")
        #expect(service.calls.contains { $0.contains("starting-sequence-number=2") })
    }
}

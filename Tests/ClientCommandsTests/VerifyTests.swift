import Foundation
import HTTPTypes
import ScriptedServer
import SluiceTesting
import Terminal
import Testing

@testable import ClientCommands

@Suite struct CoverageTests {
    @Test func runsInAnyOrderAgainstASet() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            var tracker = CoverageTracker()
            var counts: [Int64: Int] = [:]
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let first = Int64.random(in: 0...120, using: &random)
                let run = first...first + Int64.random(in: 0...9, using: &random)
                tracker.add(run)
                for number in run { counts[number, default: 0] += 1 }
                if Bool.random(using: &random) { tracker.settle() }
            }
            tracker.settle()
            let doubled = counts.values.reduce(0) { $0 + $1 - 1 }
            #expect(tracker.doubledCount == Int64(doubled), "seed \(seed)")
            let parked = (0..<10).map { _ in Int64.random(in: 0...140, using: &random) }.sorted()
            let gaps = tracker.gaps(in: 10..<125)
            let missing = (Int64(10)..<125).filter { counts[$0] == nil }
            #expect(gaps.flatMap { Array($0) } == missing, "seed \(seed)")
            #expect(
                gaps.without(parked).flatMap { Array($0) } == missing.filter { !parked.contains($0) }, "seed \(seed)")
            for number in Int64(0)..<130 { #expect(tracker.contains(number) == (counts[number] != nil)) }
            #expect(tracker.first == counts.keys.min() && tracker.last == counts.keys.max())
        }
    }

    @Test func manyInterleavedRunsMerge() {
        var tracker = CoverageTracker()
        let count = Int64(300_000)
        for parity in Int64(0)...1 {
            for number in 0..<count { tracker.add(2 * number + parity...2 * number + parity) }
        }
        tracker.settle()
        #expect(tracker.doubledCount == 0 && tracker.gaps(in: 0..<2 * count + 1) == [2 * count...2 * count])
    }
}

@Suite(.timeLimit(.minutes(1))) struct VerifyTests {
    /// An entry of the verification's answer, in short.
    private static func entry(
        _ object: String, _ first: Int, _ last: Int, records: Int? = nil, runs: [Int]? = nil, state: String = "OK",
        compared: Bool = true, message: String? = nil, partition: Int = 0
    ) -> String {
        #"{"object":"\#(object)","partition_id":"shardId-000000000\#(partition)","first_sequence_number":"\#(first)","#
            + #""last_sequence_number":"\#(last)","records":\#(records ?? last - first + 1),"bytes":100,"checksum":"c","#
            + (runs.map { #""runs":\#($0),"# } ?? "")
            + (message.map { #""message":"\#($0)","# } ?? "")
            + #""state":"\#(state)","compared_with_stream":\#(compared)}"#
    }

    private struct Row {
        var entries: [String]
        var start: Int? = 0
        var next = 10
        var discarded = 0
        var parked: [Int] = []
        var strangers: [String] = []
        /// Why the bucket could not be listed.
        var listing: String?
        var isRight = true
        /// What is printed somewhere.
        var text = "each is there once"
    }

    private static let rows: [String: Row] = [
        "all once": Row(
            entries: [entry("a", 0, 4), entry("b", 5, 9, compared: false)],
            text:
                "10 records in 2 objects: each is there once (1 object compared with the stream, 1 with the ledger only)."
        ),
        "interleaved": Row(
            entries: [
                entry("a", 0, 8, records: 5, runs: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
                entry("b", 1, 9, records: 5, runs: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            ]),
        "later deliveries do not count": Row(entries: [entry("a", 0, 9), entry("b", 10, 30), entry("c", 25, 40)]),
        "a start in the middle": Row(entries: [entry("a", 5, 9)], start: 5),
        "an unknown start": Row(entries: [entry("a", 5, 9)], start: nil),
        "parked": Row(
            entries: [entry("a", 0, 4), entry("b", 6, 9)], parked: [5], text: "1 record parked."),
        "replayed": Row(
            entries: [
                entry("a", 0, 9, records: 8, runs: [0, 3, 1, 1, 1, 4]),
                entry("r", 3, 5, records: 2, runs: [0, 1, 1, 1]),
            ]),
        "discarded": Row(
            entries: [entry("a", 0, 4), entry("b", 7, 9)], discarded: 2, text: "2 records discarded."),
        "a gap": Row(
            entries: [entry("a", 0, 4), entry("b", 7, 9)], isRight: false,
            text: "shardId-0000000000: records 5 to 6 are in no object."),
        "a gap at the start": Row(
            entries: [entry("a", 1, 9)], isRight: false, text: "shardId-0000000000: record 0 is in no object."),
        "a gap at the end": Row(entries: [entry("a", 0, 8)], isRight: false, text: "record 9 is in no object."),
        "an empty ledger": Row(entries: [], isRight: false, text: "records 0 to 9 are in no object."),
        "a gap larger than what was discarded": Row(
            entries: [entry("a", 0, 4), entry("b", 8, 9)], discarded: 2, isRight: false,
            text: "records 5 to 7 are in no object; 2 of these count as discarded."),
        "double": Row(
            entries: [entry("a", 0, 5), entry("b", 4, 9)], isRight: false,
            text: "records 4 to 5 are in more than one object: a, b."),
        "parked and in an object": Row(
            entries: [entry("a", 0, 9)], parked: [3], isRight: false,
            text: "record 3 is in an object and parked as well"),
        "before the start": Row(entries: [entry("a", 0, 9)], start: 5, isRight: false, text: "before the task's start"),
        "parked at both ends": Row(entries: [entry("a", 0, 9, records: 8, runs: [1, 8])], parked: [0, 9]),
        "missing": Row(
            entries: [entry("a", 0, 4), entry("b", 5, 9, state: "MISSING", message: "gone")], isRight: false,
            text: "b is missing: gone."),
        "not in the ledger": Row(
            entries: [entry("a", 0, 9)], strangers: ["x", "y"], isRight: false,
            text: "y is not in the ledger: the task's"),
        "an unlisted bucket": Row(entries: [entry("a", 0, 9)], listing: "no right to list"),
        "altered": Row(
            entries: [entry("a", 0, 9, state: "DIFFERS", message: "99 bytes")], isRight: false,
            text: "a is not as it was delivered: 99 bytes."),
        "unreadable": Row(
            entries: [entry("a", 0, 9, state: "UNREADABLE", message: "no answer")], isRight: false,
            text: "a cannot be read: no answer."),
        "a destination that is away": Row(
            entries: (0..<30).map { entry("o\($0)", $0, $0, state: "UNREADABLE", message: "no answer") }, next: 100,
            isRight: false, text: "20 objects in a row cannot be read; the others were left out."),
        "counts that contradict": Row(
            entries: [entry("a", 0, 9, records: 9)], isRight: false, text: "its ledger entry contradicts itself"),
        "runs that contradict": Row(
            entries: [entry("a", 0, 9, records: 9, runs: [0, 4, 1, 9_223_372_036_854_775_807])], isRight: false,
            text: "its ledger entry contradicts itself"),
    ]

    private func service(_ row: Row) throws -> FakeService {
        try FakeService { call, _ in
            let base = "GET /v2/p1/streams/s/transfer-tasks/t"
            let start = row.start.map { #""start_sequence_number":"\#($0)","# } ?? ""
            switch call {
            case base:
                return json(
                    200,
                    #"{"task_name":"t","delivered_bytes":200,"parked":\#(row.parked.count),"partitions":[{"partition_id":"shardId-0000000000",\#(start)"next_sequence_number":"\#(row.next)","discard":\#(row.discarded)}]}"#
                )
            case base + "/verification?limit=1000",
                base + "/verification?limit=1000&partition_id=shardId-0000000000":
                let next = row.entries.count > 1 ? #","next":"p 2""# : ""
                return json(200, #"{"verifications":[\#(row.entries.first ?? "")]\#(next)}"#)
            case base + "/verification?limit=1000&next=p%202",
                base + "/verification?limit=1000&next=p%202&partition_id=shardId-0000000000":
                return json(200, #"{"verifications":[\#(row.entries.dropFirst().joined(separator: ","))]}"#)
            case base + "/verification?limit=1000&strangers=true",
                base + "/verification?limit=1000&partition_id=shardId-0000000000&strangers=true":
                let found = row.strangers.prefix(1).map {
                    #"{"object":"\#($0)","partition_id":"shardId-0000000000","bytes":1,"modified_at":1}"#
                }
                let next = row.strangers.count > 1 ? #","next":"0/x""# : ""
                let message = row.listing.map { #","message":"\#($0)""# } ?? ""
                return json(200, #"{"verifications":[],"strangers":[\#(found.joined())]\#(next)\#(message)}"#)
            case base + "/verification?limit=1000&next=0%2Fx&strangers=true",
                base + "/verification?limit=1000&next=0%2Fx&partition_id=shardId-0000000000&strangers=true":
                let found = row.strangers.dropFirst().map {
                    #"{"object":"\#($0)","partition_id":"shardId-0000000000","bytes":1,"modified_at":1}"#
                }
                return json(200, #"{"verifications":[],"strangers":[\#(found.joined(separator: ","))]}"#)
            default: break
            }
            if call.hasPrefix(base + "/parked-records?") {
                let records = row.parked.map {
                    #"{"partition_id":"shardId-0000000000","sequence_number":"\#($0)","cause":"no"}"#
                }
                return json(
                    200,
                    #"{"total_number":\#(records.count),"parked_records":[\#(records.joined(separator: ","))]}"#)
            }
            if call.hasPrefix(base + "/deliveries?") {
                let deliveries = ["a", "b"].map {
                    #"{"object":"\#($0)","partition_id":"shardId-0000000000","first_sequence_number":"0","last_sequence_number":"9","records":10}"#
                }
                return json(200, #"{"deliveries":[\#(deliveries.joined(separator: ","))]}"#)
            }
            return nil
        }
    }

    @Test(arguments: rows.keys.sorted())
    func verifies(name: String) async throws {
        let row = try #require(Self.rows[name])
        let service = try service(row)
        defer { service.server.stop() }
        let machine = await service.run("task verify s t --output json")
        #expect(machine.code == (row.isRight ? .success : .failure), "\(machine.output) \(machine.errors)")
        let report = try object(Array(machine.output.utf8))
        #expect(report["verified"] as? Bool == row.isRight)
        #expect((report["finding_count"] as? Int == 0) == row.isRight)
        let person = await service.run("task verify s t")
        #expect(person.code == machine.code)
        #expect(person.output.contains(row.text), "\(person.output)")
        #expect(person.output.hasPrefix("PARTITION "))
        #expect(person.errors.isEmpty == (row.isRight && row.listing == nil))
        if let reason = row.listing { #expect(person.errors.contains(reason)) }
        if !row.strangers.isEmpty { #expect(await service.run("task verify s t --ledger-only").code == .success) }
        let one = await service.run("task verify s t --partition 0")
        #expect(one.code == machine.code, "\(one.errors)")
    }

    @Test func aTaskWithoutDeliveries() async throws {
        let service = try service(Row(entries: [], next: 0))
        defer { service.server.stop() }
        let outcome = await service.run("task verify s t")
        #expect(outcome.code == .success && outcome.errors == "The task has delivered nothing yet.\n")
        #expect(await service.run("task verify s t --partition 7").code == .failure)
        #expect(await service.run("task verify s t --partition x").code == .usage)
    }
}

import Foundation
import HTTPTypes
import SluiceCore
import SluicePorts
import Testing

@testable import SluiceWire

/// Unusual bodies that are right all the same.
@Suite
struct PutRecordsAcceptanceTests {
    typealias Record = ScannedRecords.Record

    @Test(arguments: [
        ("{\"records\":[{\"data\":\"\"}]}", Record(selector: .any, data: [])),
        (" \n{ \"records\" : [ { \"data\" : \"QQ\" } ] } \r\n\t", Record(selector: .any, data: [0x41])),
        ("{\"records\":[{\"data\":\"_-8\"}]}", Record(selector: .any, data: [0xff, 0xef])),
        ("{\"records\":[{\"data\":\"\\/\\u002b8=\"}]}", Record(selector: .any, data: [0xff, 0xef])),
        ("{\"r\\u0065cords\":[{\"dat\\u0061\":\"QQ==\"}]}", Record(selector: .any, data: [0x41])),
        ("{\"records\":[{\"data\":\"\",\"partition_key\":\"\"}]}", Record(selector: .any, data: [])),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":null,\"partition_id\":null,\"timestamp\":null}]}",
            Record(selector: .any, data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":0}]}",
            Record(selector: .hash(5_750_288_053_043_553_775), key: "0", data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":\"a\"}]}",
            Record(selector: .hash(919_145_239_626_757_800), key: "a", data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":\"\\u4e2d\"}]}",
            Record(selector: .hash(3_373_723_595_253_496_149), key: "中", data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":\"\\ud83d\\ude00\\u0000\\\"\"}]}",
            Record(selector: .hash(PartitionHash.of("\u{1f600}\u{0}\"")), key: "\u{1f600}\u{0}\"", data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":\"a\",\"explicit_hash_key\":\"\"}]}",
            Record(selector: .hash(919_145_239_626_757_800), key: "a", data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_key\":\"a\",\"explicit_hash_key\":\"9223372036854775807\"}]}",
            Record(selector: .hash(PartitionHash.max), key: "a", data: [])
        ),
        ("{\"records\":[{\"data\":\"\",\"explicit_hash_key\":0}]}", Record(selector: .hash(0), data: [])),
        ("{\"records\":[{\"data\":\"\",\"explicit_hash_key\":\"007\"}]}", Record(selector: .hash(7), data: [])),
        (
            "{\"records\":[{\"data\":\"\",\"explicit_hash_key\":9223372036854775808}]}",
            Record(selector: .malformedHash("9223372036854775808"), data: [])
        ),
        ("{\"records\":[{\"data\":\"\",\"explicit_hash_key\":-1}]}", Record(selector: .malformedHash("-1"), data: [])),
        (
            "{\"records\":[{\"data\":\"\",\"explicit_hash_key\":1.0}]}",
            Record(selector: .malformedHash("1.0"), data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"explicit_hash_key\":\"1e3\"}]}",
            Record(selector: .malformedHash("1e3"), data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"explicit_hash_key\":\"x\",\"partition_id\":\"3\"}]}",
            Record(selector: .partition(PartitionNumber(3)), data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_id\":3}]}",
            Record(selector: .partition(PartitionNumber(3)), data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_id\":\"shardId-0000000003\",\"partition_key\":\"k\"}]}",
            Record(selector: .partition(PartitionNumber(3)), key: "k", data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_id\":\"shardId-2147483648\"}]}",
            Record(selector: .malformedPartition("shardId-2147483648"), data: [])
        ),
        (
            "{\"records\":[{\"data\":\"\",\"partition_id\":\"shardId-\"}]}",
            Record(selector: .malformedPartition("shardId-"), data: [])
        ),
        ("{\"records\":[{\"data\":\"\",\"partition_id\":-0}]}", Record(selector: .malformedPartition("-0"), data: [])),
        (
            "{\"records\":[{\"data\":\"\",\"partition_id\":\"00000000001\"}]}",
            Record(selector: .malformedPartition("00000000001"), data: [])
        ),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":1}]}", Record(selector: .any, data: [], timestamp: 1)),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":\"12\"}]}", Record(selector: .any, data: [], timestamp: 12)),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":\"\"}]}", Record(selector: .any, data: [])),
        (
            "{\"records\":[{\"data\":\"\",\"timestamp\":1.76e12}]}",
            Record(selector: .any, data: [], timestamp: 1_760_000_000_000)
        ),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":5000e-3}]}", Record(selector: .any, data: [], timestamp: 5)),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":120.00}]}", Record(selector: .any, data: [], timestamp: 120)),
        (
            "{\"records\":[{\"data\":\"\",\"timestamp\":9223372036854775807}]}",
            Record(selector: .any, data: [], timestamp: .max)
        ),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":0}]}", Record(selector: .any, data: [])),
        ("{\"records\":[{\"data\":\"\",\"timestamp\":-9223372036854775808}]}", Record(selector: .any, data: [])),
        ("{\"records\":[{\"data\":\"x\",\"data\":\"QQ==\"}]}", Record(selector: .any, data: [0x41])),
        ("{\"records\":[{\"data\":5,\"data\":\"QQ==\"}]}", Record(selector: .any, data: [0x41])),
        ("{\"records\":7,\"records\":[{\"data\":\"QQ==\"}]}", Record(selector: .any, data: [0x41])),
        ("{\"records\":[5],\"records\":[{\"data\":\"QQ==\"}]}", Record(selector: .any, data: [0x41])),
        (
            "{\"records\":[{\"data\":\"QQ==\",\"extended_info\":{\"data\":\"x\",\"partition_id\":[]}}]}",
            Record(selector: .any, data: [0x41])
        ),
        (
            "{\"x\":[[],{},[{\"records\":[{}]}]],\"records\":[{\"data\":\"QQ==\"}]}",
            Record(selector: .any, data: [0x41])
        ),
    ])
    func accepts(body: String, record: ScannedRecords.Record) throws {
        let scanned = try ScannedRecords(json: Array(body.utf8))
        #expect(scanned.records == [record])
    }

    @Test(
        arguments: [
            ("\"stream_name\":\"a\"", "a", nil), ("\"stream_name\":\"\\u0061\\/\"", "a/", nil),
            ("\"stream_id\":\"i\",\"stream_name\":\"\"", nil, "i"), ("\"stream_name\":null", nil, nil),
            ("\"stream_name\":\"a\",\"stream_name\":\"b\"", "b", nil),
            ("\"stream_name\":\"a\",\"stream_name\":null", nil, nil),
            ("\"Stream_Name\":\"a\",\"stream_id\":\"\\t\"", nil, "\t"),
            ("\"stream_name\":\"中\u{1f600}\"", "中\u{1f600}", nil),
        ] as [(String, String?, String?)])
    func readsNamesBehindTheRecords(members: String, name: String?, id: String?) throws {
        for body in [
            "{\(members),\"records\":[{\"data\":\"QQ==\"}]}", "{\"records\":[{\"data\":\"QQ==\"}],\(members)}",
        ] {
            let scanned = try ScannedRecords(json: Array(body.utf8))
            #expect(scanned.streamName == name)
            #expect(scanned.streamID == id)
        }
    }

    /// Entries grow while the scan goes on; nothing is lost at the seams.
    @Test(arguments: [1, 15, 16, 17, 1_000, 10_000])
    func readsManySmallRecords(count: Int) throws {
        let body =
            "{\"records\":[" + (0..<count).map { "{\"data\":\"\",\"partition_id\":\($0)}" }.joined(separator: ",")
            + "]}"
        let request = try PutRecordsRequest(json: HTTPBody(body))
        #expect(request.count == count)
        #expect((0..<count).map(request.selector) == (0..<count).map { .partition(PartitionNumber($0)) })
    }

    @Test
    func distributesOverSlotsInOrder() throws {
        let texts = (0..<100).map { "record \($0)" }
        let body =
            "{\"records\":["
            + texts.map { "{\"data\":\"\(Base64.encode(Array($0.utf8)))\"}" }.joined(separator: ",") + "]}"
        let request = try PutRecordsRequest(json: HTTPBody(body))
        var index = 0
        let records = try request.distribute(over: 7, at: ScannedRecords.now) { _ in
            defer { index += 1 }
            // Slots 0 and 3 stay empty.
            return index % 10 == 9
                ? .refused(RecordRefusal(code: "DIS.4303", message: "\"\(index)\""))
                : .slot([1, 2, 4, 5, 6][index % 5])
        }
        #expect(records.batches.map(\.slot) == [1, 2, 4, 5, 6])
        let kept = texts.enumerated().filter { $0.offset % 10 != 9 }
        for (place, batch) in records.batches.enumerated() {
            let expected = kept.filter { $0.offset % 5 == place }.map { ":" + $0.element }
            try #expect(PutRecordsJSONTests.texts(of: batch.batch) == expected)
        }
        let failure = RecordRefusal(code: "DIS.5250", message: "full")
        let answer = PutRecordsAnswer(
            to: records, partitions: (0..<7).map { PartitionNumber($0 * 10) },
            outcomes: [
                .success(SequenceNumber(0)), .failure(failure), .success(SequenceNumber(Int64.max - 100)),
                .success(SequenceNumber(40)), .success(SequenceNumber(50)),
            ])
        let object = try #require(JSONSerialization.jsonObject(with: Data(answer.json())) as? [String: Any])
        #expect(object["failed_record_count"] as? Int == 30)
        let entries = try #require(object["records"] as? [[String: Any]])
        var next: [Int64] = [0, 0, Int64.max - 100, 40, 50]
        for (index, entry) in entries.enumerated() {
            let slot = index % 5
            if index % 10 == 9 {
                #expect(entry as? [String: String] == ["error_code": "DIS.4303", "error_message": "\"\(index)\""])
            } else if slot == 1 {
                #expect(entry as? [String: String] == ["error_code": "DIS.5250", "error_message": "full"])
            } else {
                let partition = PartitionNumber([1, 2, 4, 5, 6][slot] * 10)
                #expect(
                    entry as? [String: String] == [
                        "partition_id": partition.description, "sequence_number": String(next[slot]),
                    ])
                next[slot] += 1
            }
        }
    }
}

extension ScannedRecords.Record {
    init(selector: PartitionSelector, key: String? = nil, data: [UInt8]) {
        self.init(selector: selector, key: key, data: data, timestamp: ScannedRecords.now.milliseconds)
    }
}

import HTTPTypes
import SluiceCore
import Testing

@testable import SluiceWire

@Suite
struct PutRecordsProtobufTests {
    typealias Record = ScannedRecords.Record

    /// Requests as the public clients sent them.
    @Test
    func readsTheLegacyPythonClient() throws {
        let body = try #require(
            Base64.decode(
                """
                ChNob2ZkZDQ2NDY0LXMtZWRlYmNkEggaA3YgYSoBYRIOGgZ2IGtleTEqBGtleTESCBoDdiAwKgEwEgwaBXYg5LitKgPkuK0SDBoFdiBr\
                IGsqA2sgaxIIGgNsb3ciATASGxoEaGlnaCITOTIyMzM3MjAzNjg1NDc3NTgwNxIYGgJpZDISc2hhcmRJZC0wMDAwMDAwMDAxEg0aCHNo\
                b3J0IGlkMgEx8gEA
                """))
        func keyed(_ key: String, _ hash: UInt64) -> Record {
            Record(selector: .hash(hash), key: key, data: Array("v \(key)".utf8))
        }
        let scanned = try ScannedRecords(protobuf: body)
        #expect(scanned.streamName == "hofdd46464-s-edebcd")
        #expect(scanned.streamID == nil)
        #expect(
            scanned.records == [
                keyed("a", 919_145_239_626_757_800), keyed("key1", 4_804_732_311_831_850_439),
                keyed("0", 5_750_288_053_043_553_775), keyed("中", 3_373_723_595_253_496_149),
                keyed("k k", PartitionHash.of("k k")), Record(selector: .hash(0), data: Array("low".utf8)),
                Record(selector: .hash(PartitionHash.max), data: Array("high".utf8)),
                Record(selector: .partition(PartitionNumber(1)), data: Array("id".utf8)),
                Record(selector: .partition(PartitionNumber(1)), data: Array("short id".utf8)),
            ])
    }

    @Test
    func readsTheJavaClient() throws {
        let body = try #require(Base64.decode("Cg9obzFjOXU5NTVtLXMyMDESDhoBeCoBa+gBgr3f6p80"))
        let scanned = try ScannedRecords(protobuf: body)
        #expect(scanned.streamName == "ho1c9u955m-s201")
        #expect(
            scanned.records == [
                Record(
                    selector: .hash(PartitionHash.of("k")), key: "k", data: Array("x".utf8),
                    timestamp: 1_795_251_756_674)
            ])
    }

    @Test(
        arguments: [
            ("data absent", [0x12, 0], Record(selector: .any, data: [])),
            ("data empty", [0x12, 2, 0x1a, 0], Record(selector: .any, data: [])),
            ("texts empty", [0x12, 8, 0x1a, 0, 0x22, 0, 0x2a, 0, 0x32, 0], Record(selector: .any, data: [])),
            ("last one counts", [0x12, 6, 0x1a, 1, 1, 0x1a, 1, 2], Record(selector: .any, data: [2])),
            (
                "negative time", [0x12, 12, 0xe8, 1] + [UInt8](repeating: 0xff, count: 9) + [1],
                Record(selector: .any, data: [])
            ),
            ("time of another type", [0x12, 6, 0xed, 1, 1, 2, 3, 4], Record(selector: .any, data: [])),
            ("data of another type", [0x12, 2, 0x18, 7], Record(selector: .any, data: [])),
            (
                "unknown fields",
                [0x12, 25, 0x3a, 3, 9, 9, 9, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4, 0xf8, 7, 1, 0x1a, 1, 7],
                Record(selector: .any, data: [7])
            ),
            (
                "a group", [0x12, 11, 0x3b, 0x43, 0x10, 1, 0x44, 0x12, 0, 0x3c, 0x1a, 1, 8],
                Record(selector: .any, data: [8])
            ),
            (
                "outer unknown", [0x28, 1, 0x15, 1, 2, 3, 4, 0x12, 3, 0x1a, 1, 9, 0xfa, 0xff, 0xff, 0xff, 0xf, 0],
                Record(selector: .any, data: [9])
            ),
            ("long varint length", [0x12, 0x83, 0x80, 0, 0x1a, 1, 9], Record(selector: .any, data: [9])),
        ] as [(String, [UInt8], ScannedRecords.Record)])
    func accepts(name: String, body: [UInt8], record: ScannedRecords.Record) throws {
        #expect(try ScannedRecords(protobuf: body).records == [record])
    }

    @Test(
        arguments: [
            ("field 0", [0x02, 0]), ("no length", [0x12]), ("length beyond the end", [0x12, 1]),
            ("tag too long", [0x92, 0x80, 0x80, 0x80, 0x10, 0]),
            ("tag of eleven bytes", [UInt8](repeating: 0x80, count: 10) + [1]),
            ("length of eleven bytes", [0x12] + [UInt8](repeating: 0x80, count: 10) + [1]),
            ("length above 2^63", [0x12] + [UInt8](repeating: 0xff, count: 9) + [1]),
            ("varint of ten bytes too large", [0x28] + [UInt8](repeating: 0xff, count: 9) + [2]),
            ("wire type 6", [0x16, 0]), ("wire type 7", [0x17, 0]), ("group end alone", [0x14]),
            ("group without end", [0x13, 0x28, 1]), ("group with another end", [0x13, 0x1c]),
            ("groups too deep", [UInt8](repeating: 0x13, count: 65) + [UInt8](repeating: 0x14, count: 65)),
            ("fixed32 cut", [0x2d, 1, 2, 3]), ("fixed64 cut", [0x29, 1, 2, 3, 4, 5, 6, 7]),
            ("record's field beyond the record", [0x12, 2, 0x1a, 1, 0, 0]),
            ("record's group beyond the record", [0x12, 1, 0x3b, 0x3c]),
            ("record's varint cut", [0x12, 3, 0xe8, 1, 0x80]),
            ("key not UTF-8", [0x12, 3, 0x2a, 1, 0xff]), ("hash not UTF-8", [0x12, 3, 0x22, 1, 0xc0]),
            ("partition not UTF-8", [0x12, 4, 0x32, 2, 0xc3, 0x28]), ("name not UTF-8", [0x0a, 1, 0x80, 0x12, 0]),
            ("id not UTF-8", [0xf2, 1, 1, 0xed, 0x12, 0]),
        ] as [(String, [UInt8])])
    func refuses(name: String, body: [UInt8]) {
        #expect(putRecordsCode { _ = try ScannedRecords(protobuf: body) } == .invalidProtobuf)
    }

    @Test(
        arguments: [
            (2, 100, 100, 10, nil), (1, 100, 100, 10, .tooManyRecords), (2, 3, 100, 10, .recordTooLarge),
            (2, 4, 4, 10, .requestTooLarge), (2, 4, 5, 1, .partitionKeyTooLong),
        ] as [(Int, Int, Int, Int, PutRecordsError.Code?)])
    func keepsLimits(records: Int, bytes: Int, total: Int, key: Int, code: PutRecordsError.Code?) {
        let body: [UInt8] = [0x12, 6, 0x1a, 4, 1, 2, 3, 4, 0x12, 10, 0x1a, 1, 1, 0x2a, 5, 0xe4, 0xb8, 0xad, 0xc3, 0xa9]
        let limits = PutRecordsLimits(records: records, recordBytes: bytes, totalBytes: total, keyCharacters: key)
        #expect(putRecordsCode { _ = try ScannedRecords(protobuf: body, limits: limits) } == code)
    }

    @Test
    func refusesABodyWithoutRecords() {
        #expect(putRecordsCode { _ = try ScannedRecords(protobuf: []) } == .noRecords)
        #expect(putRecordsCode { _ = try ScannedRecords(protobuf: [0x0a, 1, 0x61]) } == .noRecords)
    }

    @Test
    func answersInProtobuf() throws {
        let body: [UInt8] = [0x12, 3, 0x1a, 1, 9, 0x12, 3, 0x1a, 1, 8]
        let request = try PutRecordsRequest(protobuf: HTTPBody(body))
        var isFirst = true
        let records = try request.distribute(over: 1, at: ScannedRecords.now) { _ in
            defer { isFirst = false }
            return isFirst ? .slot(0) : .refused(RecordRefusal(code: "DIS.4302", message: "no"))
        }
        let answer = PutRecordsAnswer(
            to: records, partitions: [PartitionNumber(3)], outcomes: [.success(SequenceNumber(12))])
        let first = [0xba, 1, 18] + Array("shardId-0000000003".utf8) + [0xc2, 1, 2] + Array("12".utf8)
        let second = [0xca, 1, 8] + Array("DIS.4302".utf8) + [0xd2, 1, 2] + Array("no".utf8)
        #expect(
            answer.protobuf() == [0xa8, 1, 1, 0xb2, 1, UInt8(first.count)] + first + [0xb2, 1, UInt8(second.count)]
                + second)
    }
}

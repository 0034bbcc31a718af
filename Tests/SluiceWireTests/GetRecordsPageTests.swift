import Foundation
import SluiceCore
import SluicePorts
import Testing

@testable import SluiceWire

@Suite
struct GetRecordsPageTests {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct Answer: Decodable {
        struct Record: Decodable, Equatable {
            let partition_key: String?
            let sequence_number: String
            let data: Data
            let timestamp: Int64
            let timestamp_type: String
        }
        let records: [Record]
        let next_partition_cursor: String
    }

    /// Batches of 3, 1 and 4 records from number 10 on; record n has n bytes of data.
    static let batches: [StoredBatch] = [(10, 3), (13, 1), (14, 4)].map { first, count in
        var builder = RecordBatchBuilder()
        for number in first..<first + count {
            builder.append(
                key: number % 2 == 0 ? "key\n\"\(number)\" é中" : nil,
                data: [UInt8](repeating: UInt8(number), count: number),
                timestamp: Timestamp(milliseconds: 1_760_000_000_000 + Int64(number)))
        }
        return StoredBatch(first: SequenceNumber(Int64(first)), batch: builder.finish()!)
    }

    static func expected(_ range: Range<Int>) -> [Answer.Record] {
        range.map { number in
            Answer.Record(
                partition_key: number % 2 == 0 ? "key\n\"\(number)\" é中" : nil, sequence_number: String(number),
                data: Data(repeating: UInt8(number), count: number), timestamp: 1_760_000_000_000 + Int64(number),
                timestamp_type: "CreateTime")
        }
    }

    @Test(arguments: [
        (10, 1_000, 100, 10..<18, false), (11, 1_000, 100, 11..<18, false), (13, 1_000, 100, 13..<18, false),
        (17, 1_000, 100, 17..<18, false), (18, 1_000, 100, 18..<18, false), (12, 1_000, 3, 12..<15, true),
        (10, 1_000, 1, 10..<11, true), (10, 33, 100, 10..<13, true), (10, 32, 100, 10..<12, true),
        (10, 108, 100, 10..<18, false), (10, 107, 100, 10..<17, true), (14, 13, 100, 14..<14, true),
        (10, 46, 100, 10..<14, true), (10, 0, 100, 10..<10, true),
    ])
    func takesRecordsUpToTheLimits(start: Int, bytes: Int, records: Int, expected: Range<Int>, isFull: Bool) throws {
        let page = try GetRecordsPage(
            of: Self.batches, from: SequenceNumber(Int64(start)),
            limits: GetRecordsLimits(bytes: ByteCount(bytes), records: records, takesFirst: false))
        #expect(page.count == expected.count)
        #expect(page.next == SequenceNumber(Int64(expected.upperBound)))
        #expect(page.isFull == isFull)
        #expect(page.dataBytes.bytes == expected.reduce(0, +))
        let answer = try JSONDecoder.base64.decode(Answer.self, from: Data(page.json(nextCursor: "abc-_=")))
        #expect(answer.records == Self.expected(expected))
        #expect(answer.next_partition_cursor == "abc-_=")
    }

    @Test
    func takesTheFirstRecordWhateverItsSize() throws {
        let page = try GetRecordsPage(
            of: Self.batches, from: SequenceNumber(12),
            limits: GetRecordsLimits(bytes: ByteCount(1), records: 10, takesFirst: true))
        #expect(page.count == 1)
        #expect(page.next == SequenceNumber(13))
    }

    @Test
    func answersNothingExactly() throws {
        let page = try GetRecordsPage(
            of: [], from: SequenceNumber(5), limits: GetRecordsLimits(bytes: ByteCount(9), records: 9, takesFirst: true)
        )
        #expect(page.next == SequenceNumber(5))
        #expect(
            String(decoding: page.json(nextCursor: "c"), as: UTF8.self)
                == #"{"records":[],"next_partition_cursor":"c"}"#)
        #expect(page.protobuf(nextCursor: "c") == [0x72, 1, 0x63])
    }

    @Test
    func writesJSONExactly() throws {
        var builder = RecordBatchBuilder()
        builder.append(
            key: "a", data: Array("{\"id\":\"a\",\"ts\":1}".utf8), timestamp: Timestamp(milliseconds: 1_760_000_300_123)
        )
        builder.append(data: [], timestamp: Timestamp(milliseconds: -1))
        let page = try GetRecordsPage(
            of: [StoredBatch(first: SequenceNumber(12), batch: builder.finish()!)], from: SequenceNumber(12),
            limits: GetRecordsLimits(bytes: .mebibytes(1), records: 1_000, takesFirst: true))
        #expect(
            String(decoding: page.json(nextCursor: "next"), as: UTF8.self) == """
                {"records":[{"partition_key":"a","sequence_number":"12","data":"eyJpZCI6ImEiLCJ0cyI6MX0=",\
                "timestamp":1760000300123,"timestamp_type":"CreateTime"},{"sequence_number":"13","data":"",\
                "timestamp":-1,"timestamp_type":"CreateTime"}],"next_partition_cursor":"next"}
                """)
    }

    @Test
    func writesProtobufExactly() throws {
        var builder = RecordBatchBuilder()
        builder.append(key: "k", data: [UInt8](repeating: 7, count: 200), timestamp: Timestamp(milliseconds: 300))
        builder.append(data: [], timestamp: Timestamp(milliseconds: 1))
        let page = try GetRecordsPage(
            of: [StoredBatch(first: SequenceNumber(9), batch: builder.finish()!)], from: SequenceNumber(9),
            limits: GetRecordsLimits(bytes: .mebibytes(1), records: 1_000, takesFirst: true))
        let type = [0xe2, 1, 10] + Array("CreateTime".utf8)
        let first =
            [0x8a, 1, 1, 0x6b, 0x92, 1, 1, 0x39, 0x9a, 1, 0xc8, 1] + [UInt8](repeating: 7, count: 200)
            + [0xd8, 1, 0xac, 2] + type
        let second = [0x92, 1, 2, 0x31, 0x30, 0x9a, 1, 0, 0xd8, 1, 1] + type
        #expect(
            page.protobuf(nextCursor: "c") == [
                0x72, 1, 0x63, 0x82, 1, UInt8(first.count & 0x7f | 0x80), UInt8(first.count >> 7),
            ]
                + first + [0x82, 1, UInt8(second.count)] + second)
    }

    /// Damaged bytes are refused, at whatever place they are cut.
    @Test
    func refusesBatchesThatEndWrongly() {
        let batch = Self.batches[0].batch
        for length in 0..<batch.bytes.count {
            let cut = RecordBatch(
                bytes: Array(batch.bytes[..<length]), count: batch.count, timestamps: batch.timestamps)
            #expect(throws: RecordBatchError.self) {
                try GetRecordsPage(
                    of: [StoredBatch(first: .zero, batch: cut)], from: .zero,
                    limits: GetRecordsLimits(bytes: .mebibytes(1), records: 100, takesFirst: false))
            }
        }
    }
}

extension JSONDecoder {
    static var base64: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dataDecodingStrategy = .base64
        return decoder
    }
}

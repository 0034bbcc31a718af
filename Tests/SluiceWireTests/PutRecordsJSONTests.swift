import HTTPTypes
import SluiceCore
import SluicePorts
import Testing

@testable import SluiceWire

@Suite
struct PutRecordsJSONTests {
    static let now = Timestamp(milliseconds: 1_760_000_000_000)

    @Test
    func readsTheDocumentedSample() throws {
        let body = """
            {"stream_name":"meters","records":[
             {"data":"eyJpZCI6ImEiLCJ0cyI6MX0=","partition_key":"a"},
             {"data":"eyJpZCI6ImIiLCJ0cyI6Mn0=","partition_id":"shardId-0000000001"},
             {"data":"eyJpZCI6ImMiLCJ0cyI6M30=","partition_id":"9"}]}

            """
        let request = try PutRecordsRequest(json: HTTPBody(body))
        #expect(request.streamName == "meters")
        #expect(request.streamID == nil)
        #expect(request.count == 3)
        #expect(
            (0..<3).map(request.selector) == [
                .hash(PartitionHash.of("a")), .partition(PartitionNumber(1)), .partition(PartitionNumber(9)),
            ])
        let records = try request.distribute(over: 2, at: Self.now) { selector in
            switch selector {
            case .partition(PartitionNumber(9)):
                .refused(RecordRefusal(code: "DIS.4302", message: "Partition does not exist. [9]"))
            case .partition(let number): .slot(number.value)
            default: .slot(0)
            }
        }
        #expect(records.batches.map(\.slot) == [0, 1])
        try #expect(
            records.batches.map { try Self.texts(of: $0.batch) } == [
                ["a:{\"id\":\"a\",\"ts\":1}"], [":{\"id\":\"b\",\"ts\":2}"],
            ])
        let answer = PutRecordsAnswer(
            to: records, partitions: [PartitionNumber(0), PartitionNumber(1)],
            outcomes: [.success(SequenceNumber(12)), .success(SequenceNumber(9))])
        #expect(
            String(decoding: answer.json(), as: UTF8.self) == """
                {"failed_record_count":1,"records":[\
                {"partition_id":"shardId-0000000000","sequence_number":"12"},\
                {"partition_id":"shardId-0000000001","sequence_number":"9"},\
                {"error_code":"DIS.4302","error_message":"Partition does not exist. [9]"}]}
                """)
    }

    /// Records as `key:data`.
    static func texts(of batch: RecordBatch) throws -> [String] {
        var texts: [String] = []
        try batch.forEachRecord { _, record in
            texts.append(
                String(decoding: record.key, as: UTF8.self) + ":" + String(decoding: record.data, as: UTF8.self))
            return true
        }
        return texts
    }
}

import HTTPTypes
import SluiceCore
import SluicePorts

@testable import SluiceWire

/// What a PutRecords body says, in plain values that tests compare.
struct ScannedRecords: Equatable {
    struct Record: Equatable {
        var selector: PartitionSelector
        /// Nil when none is given.
        var key: String?
        var data: [UInt8]
        /// The time of receipt where the record brings none.
        var timestamp: Int64
    }

    var streamName: String?
    var streamID: String?
    var records: [Record]

    /// The time of receipt in tests.
    static let now = Timestamp(milliseconds: 1_760_000_000_000)

    init(streamName: String?, streamID: String?, records: [Record]) {
        self.streamName = streamName
        self.streamID = streamID
        self.records = records
    }

    /// All that a request says, its data as it would stand in the log.
    init(_ request: PutRecordsRequest) throws {
        streamName = request.streamName
        streamID = request.streamID
        records = []
        var selectors: [PartitionSelector] = []
        let distributed = try request.distribute(over: 1, at: Self.now) {
            selectors.append($0)
            return .slot(0)
        }
        let batch = distributed.batches[0].batch
        precondition(selectors == (0..<request.count).map(request.selector) && batch.count == request.count)
        var bytes = 0
        try batch.forEachRecord { index, record in
            bytes += record.data.count
            let key = record.flags.contains(.hasKey) ? String(decoding: record.key, as: UTF8.self) : nil
            records.append(
                Record(
                    selector: selectors[index], key: key, data: Array(record.data),
                    timestamp: record.timestamp.milliseconds))
            return true
        }
        precondition(bytes == request.dataBytes.bytes)
        precondition(batch.timestamps.lowerBound.milliseconds == records.map(\.timestamp).min())
        precondition(batch.timestamps.upperBound.milliseconds == records.map(\.timestamp).max())
    }

    init(json body: [UInt8], limits: PutRecordsLimits = PutRecordsLimits()) throws {
        try self.init(PutRecordsRequest(json: HTTPBody(body), limits: limits))
    }

    init(protobuf body: [UInt8], limits: PutRecordsLimits = PutRecordsLimits()) throws {
        try self.init(PutRecordsRequest(protobuf: HTTPBody(body), limits: limits))
    }
}

/// The code of the error that `body` throws; nil when it throws none.
func putRecordsCode(_ body: () throws -> Void) -> PutRecordsError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? PutRecordsError)?.code
    }
}

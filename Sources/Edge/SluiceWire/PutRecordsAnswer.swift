internal import CKernels
package import SluiceCore
internal import SluicePorts

/// The answer of PutRecords, written record by record (spec sections 2.4.1 and 3.8).
package struct PutRecordsAnswer: Sendable {
    private let records: DistributedRecords
    private let partitions: [PartitionNumber]
    private let outcomes: [Result<SequenceNumber, RecordRefusal>]

    /// - Parameters:
    ///   - partitions: the partition of each slot.
    ///   - outcomes: for each of the records' batches the number of its first record, or why it is not in the log.
    package init(
        to records: DistributedRecords, partitions: [PartitionNumber],
        outcomes: [Result<SequenceNumber, RecordRefusal>]
    ) {
        precondition(partitions.count == records.slotCount && outcomes.count == records.batches.count)
        self.records = records
        self.partitions = partitions
        self.outcomes = outcomes
    }

    /// The number of records that are not in the log.
    package var failedCount: Int {
        var failed = records.refusals.count
        for (batch, outcome) in zip(records.batches, outcomes) {
            if case .failure = outcome { failed += batch.batch.count }
        }
        return failed
    }

    /// `application/json`.
    package func json() -> [UInt8] {
        var bytes: [UInt8] = []
        let refusals = records.refusals.map(Self.json)
        let failures = outcomes.map { outcome -> [UInt8] in
            if case .failure(let refusal) = outcome { Self.json(refusal) } else { [] }
        }
        let entry = 96
        let size = zip(records.batches, failures).reduce(64 + refusals.reduce(0) { $0 + $1.count }) {
            $0 + $1.0.batch.count * max(entry, $1.1.count)
        }
        bytes.reserveCapacity(size)
        bytes.append(contentsOf: "{\"failed_record_count\":".utf8)
        bytes.append(contentsOf: String(failedCount).utf8)
        bytes.append(contentsOf: ",\"records\":[".utf8)
        forEach { outcome in
            switch outcome {
            case .success(let partition, let sequence):
                unsafe bytes.append(atMost: entry) { target in
                    unsafe sluice_write_put_success_json(target, UInt32(clamping: partition.value), sequence)
                }
            case .failedBatch(let index): bytes.append(contentsOf: failures[index])
            case .refused(let index): bytes.append(contentsOf: refusals[index])
            }
        }
        // Each record wrote a comma behind itself; there is at least one.
        bytes.removeLast()
        bytes.append(contentsOf: "]}".utf8)
        return bytes
    }

    /// `application/x-protobuf`, a PutRecordsResult.
    package func protobuf() -> [UInt8] {
        var message = ProtobufWriter()
        message.append(21, varint: UInt64(failedCount))
        forEach { outcome in
            var record = ProtobufWriter()
            switch outcome {
            case .success(let partition, let sequence):
                record.append(23, text: partition.description)
                record.append(24, text: String(sequence))
            case .failedBatch(let index):
                if case .failure(let refusal) = outcomes[index] { record.append(refusal) }
            case .refused(let index): record.append(records.refusals[index])
            }
            message.append(22, bytes: record.bytes)
        }
        return message.bytes
    }

    private enum RecordOutcome {
        case success(PartitionNumber, Int64)
        case failedBatch(Int)
        case refused(Int)
    }

    /// What has become of each record, in the order of the request.
    private func forEach(_ body: (RecordOutcome) -> Void) {
        var next = outcomes.map { outcome -> Int64? in try? outcome.get().value }
        for place in records.places {
            if place < 0 {
                body(.refused(Int(-1 - place)))
            } else if let sequence = next[Int(place)] {
                body(.success(partitions[records.batches[Int(place)].slot], sequence))
                next[Int(place)] = sequence + 1
            } else {
                body(.failedBatch(Int(place)))
            }
        }
    }

    private static func json(_ refusal: RecordRefusal) -> [UInt8] {
        var bytes = Array("{\"error_code\":".utf8)
        JSONText.append(quoted: refusal.code, to: &bytes)
        bytes.append(contentsOf: ",\"error_message\":".utf8)
        JSONText.append(quoted: refusal.message, to: &bytes)
        bytes.append(contentsOf: "},".utf8)
        return bytes
    }
}

extension ProtobufWriter {
    fileprivate mutating func append(_ refusal: RecordRefusal) {
        append(25, text: refusal.code)
        append(26, text: refusal.message)
    }
}

extension [UInt8] {
    /// Lets `write` fill up to `count` more bytes and say how many it has filled.
    mutating func append(atMost count: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        append(addingCapacity: count) { span in
            unsafe span.withUnsafeMutableBufferPointer { buffer, initialized in
                guard let base = buffer.baseAddress else { return }
                initialized += unsafe write(base + initialized)
            }
        }
    }
}

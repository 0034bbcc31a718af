package import SluiceCore
internal import Synchronization

/// Token buckets over the partitions of one stream: the throughput figures of the public service (spec section 1.2).
///
/// A request passes while the bucket is not in debt, and may take it there: so that one of any permitted size passes.
package final class StreamThrottle: Sendable {
    private struct Bucket {
        var bytes: Double
        var records: Double
        var filledAt: Duration
    }

    private let writes = Mutex<[PartitionNumber: Bucket]>([:])
    private let reads = Mutex<[PartitionNumber: Bucket]>([:])

    package init() {}

    /// Whether a batch may be written now; takes its share if so.
    package func admitWrite(
        _ partition: PartitionNumber, bytes: Int, records: Int, of kind: StreamKind, now: Duration
    ) -> Bool {
        writes.withLock {
            Self.admit(
                &$0[partition], bytes: bytes, records: records, limitBytes: kind.writeLimit.bytes,
                limitRecords: kind.writeLimit.records, now: now)
        }
    }

    /// Whether a partition may be read now.
    package func admitRead(_ partition: PartitionNumber, of kind: StreamKind, now: Duration) -> Bool {
        reads.withLock {
            Self.admit(&$0[partition], bytes: 0, records: 0, limitBytes: kind.readLimit, limitRecords: 1, now: now)
        }
    }

    /// Counts what a read returned.
    package func chargeRead(_ partition: PartitionNumber, bytes: Int) {
        reads.withLock { $0[partition]?.bytes -= Double(bytes) }
    }

    private static func admit(
        _ bucket: inout Bucket?, bytes: Int, records: Int, limitBytes: Int, limitRecords: Int, now: Duration
    ) -> Bool {
        var state = bucket ?? Bucket(bytes: Double(limitBytes), records: Double(limitRecords), filledAt: now)
        let seconds = max(0, (now - state.filledAt).inSeconds)
        state.bytes = min(Double(limitBytes), state.bytes + seconds * Double(limitBytes))
        state.records = min(Double(limitRecords), state.records + seconds * Double(limitRecords))
        state.filledAt = now
        defer { bucket = state }
        guard state.bytes > 0, state.records > 0 else { return false }
        state.bytes -= Double(bytes)
        state.records -= Double(records)
        return true
    }
}

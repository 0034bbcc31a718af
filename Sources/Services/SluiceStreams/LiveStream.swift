package import SluiceCore

/// A stream as requests see it: one immutable state of its record, what was computed from it, and the counters that
/// outlive its states.
package final class LiveStream: Sendable {
    package let record: Stream
    package let router: PartitionRouter
    package let traffic: StreamTraffic
    package let throttle: StreamThrottle
    /// The revision of the catalog entry that this state was read from or written as.
    let revision: Int64

    init(record: Stream, revision: Int64, traffic: StreamTraffic, throttle: StreamThrottle) {
        self.record = record
        self.revision = revision
        self.traffic = traffic
        self.throttle = throttle
        router = PartitionRouter(record.partitions)
    }

    package func partitionID(_ number: PartitionNumber) -> PartitionID {
        PartitionID(stream: record.id, number: number)
    }
}

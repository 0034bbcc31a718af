package import SluiceCore

/// A delivered object, as the ledger knows it.
package struct Delivery: Sendable, Hashable {
    package let object: String
    package let partition: PartitionNumber
    package let first: SequenceNumber
    package let last: SequenceNumber
    package let records: Int
    /// The object's length as it lies in the bucket.
    package let bytes: Int
    package let crc32c: UInt32
    package let deliveredAt: Timestamp
    /// The store that it was delivered to, `host:port` or `folder`; nil when an older version has delivered it.
    package var destination: String?
}

/// Which deliveries are asked for; without any condition all, by partition and number.
package struct DeliveryFilter: Sendable, Hashable {
    package var partition: PartitionNumber?
    /// Only deliveries whose range holds this number; needs a partition.
    package var sequenceNumber: SequenceNumber?
    /// Only the delivery of this object.
    package var object: String?
    /// Only deliveries at or after this time; the answer is ordered by time then.
    package var from: Timestamp?
    /// Only deliveries before this time; the answer is ordered by time then.
    package var until: Timestamp?

    package init() {}
}

/// One page of the ledger.
package struct DeliveryPage: Sendable, Hashable {
    package let deliveries: [Delivery]
    /// Where the next page begins; nil on the last one.
    package let next: String?
}

/// One entry of a task's dump log (spec section 4.5).
package struct DumpLogEntry: Sendable, Hashable {
    package enum State: String, Sendable, Codable {
        case succeeded = "Succeeded"
        case failed = "Failed"
        case abnormal = "Abnormal"
    }

    package let startedAt: Timestamp
    package let endedAt: Timestamp
    package let state: State
    package let records: Int
    package let bytes: Int
    package let object: String
    package let message: String
}

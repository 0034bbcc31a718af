package import SluiceCatalog
package import SluiceCore

/// The server's own name of a transfer task: 20 random letters and digits (spec section 1.5).
package struct TransferTaskID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
    package var description: String { text }
}

/// A transfer task as it was created or last updated.
package struct TransferTask: Sendable, Hashable {
    package let id: TransferTaskID
    package let name: String
    package let project: ProjectID
    package let stream: StreamID
    package let streamName: StreamName
    package let createdAt: Timestamp
    package let descriptor: OBSDescriptor
    /// Whether a destination was configured for it when it was created or last updated.
    package var hasDestination = false
}

extension TransferTask {
    /// Every task that the catalog holds, whichever project it belongs to, by id.
    package static func all(in catalog: any Catalog) async throws(TransferError) -> [TransferTask] {
        do {
            return try await TransferStore(catalog: catalog).all(under: TransferKeys.tasks, as: TaskRecord.self)
                .compactMap { TransferTask($0.record) }
        } catch {
            throw TransferError(error)
        }
    }

    /// Nil when a stored name breaks the rules of names.
    init?(_ record: TaskRecord) {
        guard let project = ProjectID(record.project), let streamName = StreamName(record.streamName) else {
            return nil
        }
        self.init(
            id: TransferTaskID(record.id), name: record.name, project: project, stream: StreamID(record.stream),
            streamName: streamName, createdAt: Timestamp(milliseconds: record.createdAt),
            descriptor: record.descriptor, hasDestination: record.hasDestination ?? false)
    }

    var record: TaskRecord {
        TaskRecord(
            id: id.text, name: name, project: project.text, stream: stream.text, streamName: streamName.text,
            createdAt: createdAt.milliseconds, descriptor: descriptor, hasDestination: hasDestination)
    }
}

/// A task as listings show it.
package struct TransferTaskSummary: Sendable {
    package let task: TransferTask
    package let state: TaskState
    /// What a person should know when the state is ERROR or ABNORMAL; empty otherwise.
    package let reason: String
    /// The last successful delivery of any partition; nil before the first.
    package let lastTransferAt: Timestamp?
}

/// A task with all that is known of its partitions.
package struct TransferTaskDetails: Sendable {
    package let summary: TransferTaskSummary
    package let dataSchema: String?
    package let partitions: [PartitionTransfer]
    /// The object that was delivered last; nil before the first.
    package let lastObject: String?

    /// Of all partitions together.
    package var lag: TransferLag { partitions.reduce(TransferLag()) { $0 + $1.lag } }
    /// Records delivered and confirmed.
    package var delivered: Int { partitions.reduce(0) { $0 + $1.delivered } }
    /// Bytes of the objects delivered.
    package var deliveredBytes: Int { partitions.reduce(0) { $0 + $1.deliveredBytes } }
    /// Records that are parked now.
    package var parked: Int { partitions.reduce(0) { $0 + $1.parked } }
}

/// How far one partition has been delivered.
package struct PartitionTransfer: Sendable {
    package let number: PartitionNumber
    /// The partition's own status, `ACTIVE` and so on.
    package let status: String
    package let hashRange: String
    package let parents: [PartitionNumber]
    /// What the log holds now; nil when the partition has expired.
    package let bounds: ClosedRange<SequenceNumber>?
    package let state: TaskState
    /// The first number of the task; nil when an older version began it and did not note it.
    package let start: SequenceNumber?
    /// The next number to deliver.
    package let next: SequenceNumber
    package let lastTransferAt: Timestamp?
    /// The last delivered number; -1 before any.
    package let lastDelivered: SequenceNumber
    /// Records given up: past retention before they could be delivered, or discarded by a person.
    package let discarded: Int
    package let delivered: Int
    package let deliveredBytes: Int
    package let parked: Int
    /// What has not been delivered yet.
    package let lag: TransferLag
}

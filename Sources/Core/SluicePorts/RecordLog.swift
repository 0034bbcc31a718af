package import SluiceCore

/// Where the records of all partitions live. `SluiceLog` keeps them in local segments; a cluster may stand behind it.
///
/// Every call may be made from any task. A call that returns has happened durably; one that throws changed nothing
/// that a reader will ever see, except where the error's code says `outcomeUnknown`.
package protocol RecordLog: Sendable {
    /// Makes empty partitions whose first number is 0. Existing ones are left as they are.
    func createPartitions(_ partitions: [PartitionID]) async throws(RecordLogError)

    /// Forgets partitions and gives their space back in the background. Unknown ones are ignored.
    func deletePartitions(_ partitions: [PartitionID]) async throws(RecordLogError)

    /// Appends batches, each to one partition, and returns once all of them are durable or have failed, one result an
    /// entry in the same order. Batches for one partition keep their order and get consecutive numbers.
    func append(_ batches: [PartitionAppend]) async -> [Result<AppendOutcome, RecordLogError>]

    /// The oldest readable and the next number of a partition; without I/O.
    func bounds(of partition: PartitionID) throws(RecordLogError) -> PartitionBounds

    /// What the readable records from `start` on take, in bytes as the log keeps them: 16 a record besides key and data.
    /// Zero at the next number and above. Without I/O, for figures alone: an estimate where the places of batches are
    /// not in memory, and inside a batch.
    func size(of partition: PartitionID, from start: SequenceNumber) throws(RecordLogError) -> ByteCount

    /// Batches in order, the first one holding `start` (which may lie inside it), until `limit` bytes are passed: at
    /// least one batch when there is one. Empty at the end. Verified against their checksums.
    ///
    /// Throws `trimmed` when `start` is below the first number, `beyondEnd` when above the next one.
    func read(_ partition: PartitionID, from start: SequenceNumber, limit: ByteCount)
        async throws(RecordLogError) -> [StoredBatch]

    /// The first number whose record's timestamp is at or after `time`; the next number when there is none.
    func sequenceNumber(in partition: PartitionID, atOrAfter time: Timestamp)
        async throws(RecordLogError) -> SequenceNumber

    /// Makes records below `first` unreadable and, in time, gives their space back. Never moves back.
    func trim(_ partition: PartitionID, before first: SequenceNumber) async throws(RecordLogError)

    /// Returns when the partition's next number is above `position` (at once if it is already), or when the partition
    /// is deleted (throws `unknownPartition`); throws `cancelled` when the task is cancelled.
    func waitForRecords(in partition: PartitionID, above position: SequenceNumber) async throws(RecordLogError)
}

/// One batch on its way into the log.
package struct PartitionAppend: Sendable {
    package let partition: PartitionID
    package let batch: RecordBatch

    package init(partition: PartitionID, batch: RecordBatch) {
        self.partition = partition
        self.batch = batch
    }
}

/// What an append has become.
package struct AppendOutcome: Sendable, Equatable {
    /// The number of the batch's first record; the others follow without a gap.
    package let first: SequenceNumber

    package init(first: SequenceNumber) {
        self.first = first
    }
}

/// `[first, next)`: what can be read now.
package struct PartitionBounds: Sendable, Equatable {
    package let first: SequenceNumber
    package let next: SequenceNumber

    package init(first: SequenceNumber, next: SequenceNumber) {
        self.first = first
        self.next = next
    }
}

/// A batch as the log keeps it.
package struct StoredBatch: Sendable {
    package let first: SequenceNumber
    package let batch: RecordBatch

    package init(first: SequenceNumber, batch: RecordBatch) {
        self.first = first
        self.batch = batch
    }

    /// The number after the last record.
    package var next: SequenceNumber { first.advanced(by: batch.count) }

    /// The first number at or above `start` whose record's timestamp is at or after `time`; nil when there is none.
    package func firstNumber(atOrAfter time: Timestamp, from start: SequenceNumber) throws -> SequenceNumber? {
        var found: SequenceNumber?
        try unsafe batch.forEachRecord { index, record in
            guard first.advanced(by: index) >= start, unsafe record.timestamp >= time else { return true }
            found = first.advanced(by: index)
            return false
        }
        return found
    }
}

/// Why the log refused or failed.
package struct RecordLogError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        case unknownPartition
        /// The position lies below the first readable number.
        case trimmed
        /// The position lies above the next number.
        case beyondEnd
        /// No space: nothing was written; heals by itself when there is space again.
        case full
        /// The disk or the cluster failed; nothing will ever be seen of the append.
        case unavailable
        /// The append may or may not have happened (a cluster did not answer in time).
        case outcomeUnknown
        /// Stored bytes are damaged: file and offset are in the message.
        case damaged
        case cancelled
        case shutDown
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same call may succeed later without anybody's help.
    package var isRetriable: Bool {
        switch code {
        case .full, .unavailable, .outcomeUnknown: true
        default: false
        }
    }

    package var description: String { "\(code): \(message)" }
}

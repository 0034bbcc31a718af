internal import Observability
internal import SluiceCore
internal import SluicePorts
internal import SluiceTesting

/// The log as one process has it: its own, on a disk whose power may go in the middle of a call, or one that several
/// processes reach over a network that loses answers.
struct SimulatedLog: RecordLog {
    let world: SimulatedWorld
    let life: Life
    let log: any RecordLog
    /// Whether the log is another process's.
    let isRemote: Bool

    private static let dead = RecordLogError(.cancelled, "dead")

    /// A call that changes something: the process may die before, in and after it.
    private func step<Value>(
        _ body: () async throws(RecordLogError) -> Value
    ) async throws(RecordLogError) -> Value {
        guard await life.step() else { throw Self.dead }
        let result: Result<Value, RecordLogError>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        if world.disk.isOff { life.kill() }
        guard await life.step() else { throw Self.dead }
        return try result.get()
    }

    func createPartitions(_ partitions: [PartitionID]) async throws(RecordLogError) {
        try await step { () throws(RecordLogError) in try await log.createPartitions(partitions) }
    }

    func deletePartitions(_ partitions: [PartitionID]) async throws(RecordLogError) {
        await remember(partitions)
        try await step { () throws(RecordLogError) in try await log.deletePartitions(partitions) }
    }

    /// Notes what is about to be deleted, as far as the disk lets anybody read.
    private func remember(_ partitions: [PartitionID]) async {
        for partition in partitions {
            do {
                let bounds = try log.bounds(of: partition)
                world.lose(
                    try await StreamContents.records(of: partition, from: bounds.first, to: bounds.next, in: log))
            } catch {
                world.logger.info("a partition goes unread", ["partition": "\(partition)", "error": "\(error)"])
            }
        }
    }

    func append(_ batches: [PartitionAppend]) async -> [Result<AppendOutcome, RecordLogError>] {
        if isRemote, world.numbers.chance(world.hostility.network / 2) {
            return batches.map { _ in .failure(RecordLogError(.unavailable, "not reachable")) }
        }
        do throws(RecordLogError) {
            let results = try await step { () throws(RecordLogError) in await log.append(batches) }
            if isRemote, world.numbers.chance(world.hostility.network / 2) {
                return batches.map { _ in .failure(RecordLogError(.outcomeUnknown, "no answer in time")) }
            }
            return results
        } catch {
            return batches.map { _ in .failure(error) }
        }
    }

    func bounds(of partition: PartitionID) throws(RecordLogError) -> PartitionBounds {
        try log.bounds(of: partition)
    }

    func size(of partition: PartitionID, from start: SequenceNumber) throws(RecordLogError) -> ByteCount {
        try log.size(of: partition, from: start)
    }

    func read(_ partition: PartitionID, from start: SequenceNumber, limit: ByteCount)
        async throws(RecordLogError) -> [StoredBatch]
    {
        guard await life.goesOn() else { throw Self.dead }
        let result: Result<[StoredBatch], RecordLogError>
        do {
            result = .success(try await log.read(partition, from: start, limit: limit))
        } catch {
            result = .failure(error)
        }
        if world.disk.isOff { life.kill() }
        guard await life.goesOn() else { throw Self.dead }
        return try result.get()
    }

    func sequenceNumber(in partition: PartitionID, atOrAfter time: Timestamp)
        async throws(RecordLogError) -> SequenceNumber
    {
        guard await life.goesOn() else { throw Self.dead }
        return try await log.sequenceNumber(in: partition, atOrAfter: time)
    }

    func trim(_ partition: PartitionID, before first: SequenceNumber) async throws(RecordLogError) {
        try await step { () throws(RecordLogError) in try await log.trim(partition, before: first) }
    }

    func waitForRecords(in partition: PartitionID, above position: SequenceNumber) async throws(RecordLogError) {
        try await log.waitForRecords(in: partition, above: position)
    }
}

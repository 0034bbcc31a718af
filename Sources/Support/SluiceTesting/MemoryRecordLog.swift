package import SluiceCore
package import SluicePorts
internal import Synchronization

/// A record log that lives and dies with the process: for services' tests, and the model that real ones are held to.
package final class MemoryRecordLog: RecordLog {
    private struct Partition {
        var first = SequenceNumber.zero
        var next = SequenceNumber.zero
        var batches: [StoredBatch] = []
    }

    private struct State {
        var partitions: [PartitionID: Partition] = [:]
        var failures: [RecordLogError] = []

        func partition(_ id: PartitionID) throws(RecordLogError) -> Partition {
            guard let found = partitions[id] else { throw RecordLogError(.unknownPartition, "no partition \(id)") }
            return found
        }
    }

    private let state = Mutex(State())
    private let waiters = RecordWaiters()

    package init() {}

    /// Makes the next calls of `append` fail as a whole, one error a call; nothing is appended by them.
    package func failNextAppends(with errors: [RecordLogError]) {
        state.withLock { $0.failures += errors }
    }

    package func createPartitions(_ partitions: [PartitionID]) async throws(RecordLogError) {
        state.withLock { state in
            for id in partitions where state.partitions[id] == nil { state.partitions[id] = Partition() }
        }
    }

    package func deletePartitions(_ partitions: [PartitionID]) async throws(RecordLogError) {
        state.withLock { state in
            for id in partitions { state.partitions[id] = nil }
        }
        waiters.wake(partitions)
    }

    package func append(_ batches: [PartitionAppend]) async -> [Result<AppendOutcome, RecordLogError>] {
        let results: [Result<AppendOutcome, RecordLogError>] = state.withLock { state in
            if !state.failures.isEmpty {
                let failure = state.failures.removeFirst()
                return batches.map { _ in .failure(failure) }
            }
            return batches.map { append in
                guard var partition = state.partitions[append.partition] else {
                    return .failure(RecordLogError(.unknownPartition, "no partition \(append.partition)"))
                }
                let first = partition.next
                if append.batch.count > 0 {
                    state.partitions[append.partition] = nil
                    partition.batches.append(StoredBatch(first: first, batch: append.batch))
                    partition.next = first.advanced(by: append.batch.count)
                    state.partitions[append.partition] = partition
                }
                return .success(AppendOutcome(first: first))
            }
        }
        waiters.wake(batches.map(\.partition))
        return results
    }

    package func bounds(of partition: PartitionID) throws(RecordLogError) -> PartitionBounds {
        try state.withLock { state throws(RecordLogError) in
            let found = try state.partition(partition)
            return PartitionBounds(first: found.first, next: found.next)
        }
    }

    package func size(of partition: PartitionID, from start: SequenceNumber) throws(RecordLogError) -> ByteCount {
        try state.withLock { state throws(RecordLogError) in
            let found = try state.partition(partition)
            let start = max(start, found.first)
            return ByteCount(
                found.batches.reduce(0) { sum, stored in
                    let wanted = min(stored.batch.count, stored.next.distance(from: start))
                    return sum + (wanted > 0 ? stored.batch.bytes.count * wanted / stored.batch.count : 0)
                })
        }
    }

    package func read(_ partition: PartitionID, from start: SequenceNumber, limit: ByteCount)
        async throws(RecordLogError) -> [StoredBatch]
    {
        try state.withLock { state throws(RecordLogError) in
            let found = try state.partition(partition)
            if start < found.first { throw RecordLogError(.trimmed, "\(partition) begins at \(found.first)") }
            if start > found.next { throw RecordLogError(.beyondEnd, "\(partition) ends at \(found.next)") }
            var bytes = 0
            var result: [StoredBatch] = []
            for stored in found.batches where stored.next > start {
                result.append(stored)
                bytes += stored.batch.bytes.count
                if bytes >= limit.bytes { break }
            }
            return result
        }
    }

    package func sequenceNumber(in partition: PartitionID, atOrAfter time: Timestamp)
        async throws(RecordLogError) -> SequenceNumber
    {
        let found = try state.withLock { state throws(RecordLogError) in try state.partition(partition) }
        for stored in found.batches where stored.batch.timestamps.upperBound >= time {
            let number: SequenceNumber?
            do {
                number = try stored.firstNumber(atOrAfter: time, from: found.first)
            } catch {
                throw RecordLogError(.damaged, "\(partition) at \(stored.first): \(error)")
            }
            if let number { return number }
        }
        return found.next
    }

    package func trim(_ partition: PartitionID, before first: SequenceNumber) async throws(RecordLogError) {
        try state.withLock { state throws(RecordLogError) in
            var found = try state.partition(partition)
            guard first > found.first else { return }
            if first > found.next { throw RecordLogError(.beyondEnd, "\(partition) ends at \(found.next)") }
            found.first = first
            found.batches.removeAll { $0.next <= first }
            state.partitions[partition] = found
        }
    }

    package func waitForRecords(in partition: PartitionID, above position: SequenceNumber)
        async throws(RecordLogError)
    {
        try await waiters.wait(for: partition) { () throws(RecordLogError) -> Bool in
            try bounds(of: partition).next > position
        }
    }
}

internal import Observability
internal import SluiceCore
internal import SluicePorts

extension Streams {
    /// Looks for records past their retention again and again until cancelled.
    package func runRetention() async throws {
        while true {
            try await time.sleep(for: configuration.retentionCheckInterval)
            await expireRecords()
        }
    }

    /// Hides and gives back the space of every record older than its stream's retention, and marks closed partitions
    /// that have become empty as expired.
    package func expireRecords() async {
        for (project, name) in directory.everyName() {
            guard !Task.isCancelled else { return }
            guard let stream = try? directory.stream(named: name, in: project) else { continue }
            await expireRecords(of: stream)
        }
    }

    func expireRecords(of stream: LiveStream) async {
        let horizon = time.now() - stream.record.retention
        for partition in stream.record.partitions where partition.status != .expired {
            let id = stream.partitionID(partition.number)
            do {
                let bounds = try log.bounds(of: id)
                guard bounds.first < bounds.next else { continue }
                let first = try await firstNumber(in: id, bounds, receivedAtOrAfter: horizon)
                if first > bounds.first { try await log.trim(id, before: first) }
            } catch {
                logger.warning(
                    "Old records could not be removed",
                    ["stream": stream.record.name.text, "partition": "\(partition.number)", "error": "\(error)"])
            }
        }
        await expirePartitions(of: stream, closedBefore: horizon)
    }

    /// The first number of the first batch that the server took at or after `horizon`. Producers' own stamps play no part:
    /// a record of long ago that arrives now is kept as long as any other.
    ///
    /// Batches follow one another by the time they were taken, so that a search by halves reads few of them.
    private func firstNumber(
        in partition: PartitionID, _ bounds: PartitionBounds, receivedAtOrAfter horizon: Timestamp
    ) async throws(RecordLogError) -> SequenceNumber {
        var low = bounds.first
        var high = bounds.next
        // Most of the time the oldest batch is young enough.
        var probe = low
        while low < high {
            guard let batch = try await log.read(partition, from: probe, limit: ByteCount(1)).first else { break }
            if batch.batch.received < horizon {
                low = max(low, batch.next)
            } else {
                high = max(low, min(high, batch.first))
            }
            probe = SequenceNumber(low.value + (high.value - low.value) / 2)
        }
        return low
    }

    private func expirePartitions(of stream: LiveStream, closedBefore horizon: Timestamp) async {
        func isDue(_ partition: Partition) -> Bool {
            partition.status == .deleted && (partition.closedAt ?? horizon) < horizon
        }
        guard stream.record.partitions.contains(where: isDue) else { return }
        do {
            _ = try await change(stream) { record in
                for index in record.partitions.indices where isDue(record.partitions[index]) {
                    record.partitions[index].status = .expired
                }
            }
        } catch {
            logger.warning(
                "Closed partitions could not be marked expired",
                ["stream": stream.record.name.text, "error": "\(error)"])
        }
    }
}

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
                let first = try await log.sequenceNumber(in: id, atOrAfter: horizon)
                if first > bounds.first { try await log.trim(id, before: first) }
            } catch {
                logger.warning(
                    "Old records could not be removed",
                    ["stream": stream.record.name.text, "partition": "\(partition.number)", "error": "\(error)"])
            }
        }
        await expirePartitions(of: stream, closedBefore: horizon)
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

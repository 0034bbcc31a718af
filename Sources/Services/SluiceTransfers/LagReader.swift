internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// Finds out how far behind a task is, from stored positions and the log: tasks that are stopped or broken lag as well,
/// and one that works pays nothing.
final class LagReader: Sendable {
    private struct Position: Hashable {
        let partition: PartitionID
        let next: SequenceNumber
    }

    /// Positions whose arrival times are remembered; 64 bytes each.
    private static let arrivalsMax = 4096

    private let log: any RecordLog
    /// Arrival times of oldest undelivered records: a position that stands still is read once.
    private let arrivals = Mutex<[Position: Timestamp]>([:])

    init(log: any RecordLog) {
        self.log = log
    }

    /// What lies in the partition from the next number to deliver on; nothing when the log does not know the partition.
    func lag(in partition: PartitionID, from next: SequenceNumber) async -> TransferLag {
        var lag = TransferLag()
        do {
            let bounds = try log.bounds(of: partition)
            let position = Position(partition: partition, next: max(next, bounds.first))
            guard position.next < bounds.next else { return lag }
            lag.records = bounds.next.distance(from: position.next)
            lag.bytes = try log.size(of: partition, from: position.next)
            lag.oldest = try await arrival(at: position)
        } catch {
            // Figures are best effort: the records are counted even if the oldest cannot be read now.
        }
        return lag
    }

    private func arrival(at position: Position) async throws(RecordLogError) -> Timestamp? {
        if let known = arrivals.withLock({ $0[position] }) { return known }
        let found = try await log.read(position.partition, from: position.next, limit: .zero).first?.batch.received
        arrivals.withLock { arrivals in
            if arrivals.count >= Self.arrivalsMax { arrivals = [:] }
            arrivals[position] = found
        }
        return found
    }
}

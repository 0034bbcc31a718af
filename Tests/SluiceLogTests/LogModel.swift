import SluiceCore
import SluiceLog
import SluicePorts
import SluiceTesting
import Testing

/// What a log must hold, in a few lines of obvious code.
struct LogModel: Equatable {
    struct Record: Equatable {
        var text: String
        var time: Int64
    }

    struct Partition: Equatable {
        var first = 0
        var records: [Record] = []
    }

    /// One change as a single call makes it.
    enum Change {
        case append([(PartitionID, [Record])])
        case create([PartitionID])
        case delete([PartitionID])
        case trim(PartitionID, Int)
    }

    var partitions: [PartitionID: Partition] = [:]

    mutating func apply(_ change: Change) {
        switch change {
        case .append(let batches):
            for (id, records) in batches { partitions[id]?.records += records }
        case .create(let ids):
            for id in ids where partitions[id] == nil { partitions[id] = Partition() }
        case .delete(let ids):
            for id in ids { partitions[id] = nil }
        case .trim(let id, let first):
            if let known = partitions[id] { partitions[id]?.first = max(known.first, first) }
        }
    }

    /// Every state that a crash in the middle of a change may leave: a prefix of its batches.
    func states(within change: Change?) -> [LogModel] {
        guard let change else { return [self] }
        guard case .append(let batches) = change else {
            var after = self
            after.apply(change)
            return [self, after]
        }
        return (0...batches.count).map { count in
            var after = self
            after.apply(.append(Array(batches[..<count])))
            return after
        }
    }

    /// What an open log holds of these partitions.
    static func reading(_ log: LocalLog, _ ids: [PartitionID], from model: LogModel) async throws -> LogModel {
        var found = LogModel()
        for id in ids {
            guard let bounds = try? log.bounds(of: id) else { continue }
            var partition = Partition(first: Int(bounds.first.value))
            // Numbers below the first are gone; the model keeps them only to count.
            partition.records = Array(repeating: Record(text: "", time: 0), count: partition.first)
            var position = bounds.first
            while position < bounds.next {
                let batches = try await log.read(id, from: position, limit: ByteCount(5_000))
                #expect(!batches.isEmpty, "nothing at \(position) of \(id), which ends at \(bounds.next)")
                if batches.isEmpty { break }
                for stored in batches {
                    #expect(stored.first <= position && position < stored.next)
                    try stored.batch.forEachRecord { index, record in
                        if stored.first.advanced(by: index) < position { return true }
                        partition.records.append(
                            Record(
                                text: String(decoding: record.data, as: UTF8.self),
                                time: record.timestamp.milliseconds))
                        return true
                    }
                    position = stored.next
                }
            }
            found.partitions[id] = partition
        }
        return found
    }

    /// The same with the records below each first number blanked, as `reading` finds them.
    var visible: LogModel {
        var copy = self
        for (id, partition) in partitions {
            for index in 0..<partition.first { copy.partitions[id]?.records[index] = Record(text: "", time: 0) }
        }
        return copy
    }
}

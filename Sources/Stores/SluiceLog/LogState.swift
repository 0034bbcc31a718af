internal import SluiceCore
internal import SluicePorts

/// What the log knows in memory; guarded by one lock, and nothing in here touches the disk.
struct LogState {
    /// One segment file, from the first to the active one.
    final class Segment {
        let id: UInt64
        let salt: UInt64
        /// End of the synced batches.
        var end: Int
        let fileSize: Int
        /// All runs while the segment is active or its index is not yet written.
        var runs: [UInt64: PartitionRun]?
        /// What the index file says, once there is one.
        var index: IndexFile?
        var lastRound: UInt32 = 0
        var isSealed = false
        /// Reads under way; a pinned segment is neither recycled nor punched.
        var pins = 0
        /// Deleted partitions whose space here has been given back.
        var punched: Set<UInt64> = []
        /// A partition that kept the segment alive when it was last looked at.
        var holder: UInt64?
        /// Once it was asked for.
        var knownBytesPerRecord: Double?

        init(id: UInt64, salt: UInt64, end: Int, fileSize: Int) {
            self.id = id
            self.salt = salt
            self.end = end
            self.fileSize = fileSize
        }

        /// `[first, next)` of a partition's run; nil when it has none here.
        func range(of handle: UInt64) -> (first: Int64, next: Int64, latest: Int64)? {
            if let runs { return runs[handle].map { ($0.first, $0.next, $0.latest) } }
            return index?.summaries.run(of: handle).map { ($0.first, $0.next, $0.latest) }
        }

        /// Bytes on the disk, without holes.
        var diskSize: Int { fileSize - (index?.holes.reduce(0) { $0 + LogFiles.pages(within: $1).count } ?? 0) }

        /// Handles and ends of all runs.
        var ends: [(handle: UInt64, next: Int64)] {
            if let runs { return runs.map { ($0.key, $0.value.next) } }
            return index?.summaries.map { ($0.handle, $0.next) } ?? []
        }
    }

    /// A segment as recovery found it.
    struct FoundSegment: Sendable {
        var id: UInt64
        var salt: UInt64
        var end: Int
        var fileSize: Int
        var lastRound: UInt32
        var runs: [UInt64: PartitionRun]?
        var index: IndexFile?
        var isSealed: Bool
    }

    mutating func add(_ found: FoundSegment) {
        let segment = Segment(id: found.id, salt: found.salt, end: found.end, fileSize: found.fileSize)
        segment.lastRound = found.lastRound
        segment.runs = found.runs
        segment.index = found.index
        segment.isSealed = found.isSealed
        segments.append(segment)
    }

    struct EntriesKey: Hashable {
        var segment: UInt64
        var handle: UInt64
    }

    var table = PartitionTable()
    /// Ascending by number; the last one is active.
    var segments: [Segment] = []
    var cache: TailCache
    var entriesCache: EntriesCache
    var isClosed = false
    /// When the active segment began, and how long the one before it took to fill.
    var begun: Duration?
    var lastFill: Duration?

    init(configuration: LogConfiguration) {
        cache = TailCache(limit: configuration.tailCacheSize.bytes)
        entriesCache = EntriesCache(limit: configuration.indexCacheSize.bytes)
    }

    func slot(_ partition: PartitionID) throws(RecordLogError) -> PartitionTable.Slot {
        if isClosed { throw RecordLogError(.shutDown, "the log is shut down") }
        guard let index = table.index(of: partition) else {
            throw RecordLogError(.unknownPartition, "no partition \(partition)")
        }
        return table[index]
    }

    func segment(_ id: UInt64) -> Segment? {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < segments.count && segments[low].id == id ? segments[low] : nil
    }

    /// The segment that holds a number of a partition.
    func segment(holding position: Int64, of slot: PartitionTable.Slot) throws(RecordLogError) -> Segment {
        for segment in segments.reversed() {
            guard let range = segment.range(of: slot.handle), range.first <= position else { continue }
            if position < range.next { return segment }
            break
        }
        throw RecordLogError(.damaged, "record \(position) of \(slot.id) is in no segment")
    }
}

/// Places of batches in sealed segments, the latest used ones, bounded in bytes.
struct EntriesCache {
    private static let overhead = 96

    private let limit: Int
    private var entries: [LogState.EntriesKey: [BatchEntry]] = [:]
    private var order: [LogState.EntriesKey] = []
    private(set) var bytes = 0

    init(limit: Int) {
        self.limit = limit
    }

    subscript(key: LogState.EntriesKey) -> [BatchEntry]? { entries[key] }

    /// Keeps entries, and lets older ones go as far as needed; the newest stays whatever its size.
    mutating func insert(_ found: [BatchEntry], for key: LogState.EntriesKey) {
        guard entries[key] == nil else { return }
        entries[key] = found
        order.append(key)
        bytes += found.count * BatchEntry.size + Self.overhead
        var gone = 0
        while bytes > limit, gone < order.count - 1 {
            remove(order[gone])
            gone += 1
        }
        order.removeFirst(gone)
    }

    mutating func removeAll(of segment: UInt64) {
        for key in order where key.segment == segment { remove(key) }
        order.removeAll { $0.segment == segment }
    }

    private mutating func remove(_ key: LogState.EntriesKey) {
        if let found = entries.removeValue(forKey: key) { bytes -= found.count * BatchEntry.size + Self.overhead }
    }
}

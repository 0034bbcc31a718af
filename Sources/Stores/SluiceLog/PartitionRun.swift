/// Where one batch lies in its segment.
struct BatchEntry: Equatable, Sendable {
    /// First number, counted from the run's.
    var firstDelta: UInt32
    var count: UInt32
    /// Of the batch header, in bytes from the segment's begin.
    var offset: UInt32
    /// Of the payload, in bytes.
    var length: UInt32
    /// The largest timestamp within, in milliseconds.
    var latest: Int64

    static let size = 24

    var end: Int { Int(offset) + BatchHeader.totalLength(payload: Int(length)) }
}

/// The batches that one partition has in one segment, in order and without a gap in their numbers.
struct PartitionRun: Equatable, Sendable {
    var first: Int64
    var next: Int64
    var latest: Int64
    var entries: [BatchEntry] = []
    /// Lengths of all payloads.
    private(set) var bytes = 0

    init(first: Int64) {
        self.first = first
        next = first
        latest = .min
    }

    mutating func append(_ header: BatchHeader, at offset: Int) {
        entries.append(
            BatchEntry(
                firstDelta: UInt32(header.first - first), count: UInt32(header.count), offset: UInt32(offset),
                length: UInt32(header.payloadLength), latest: header.latest))
        next = header.first + Int64(header.count)
        latest = max(latest, header.latest)
        bytes += header.payloadLength
    }
}

extension [BatchEntry] {
    /// The index of the last batch that begins at or below `delta` records after the run's first.
    func index(holding delta: Int64) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if Int64(self[middle].firstDelta) <= delta { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }
}

/// What is known of a partition's run in a sealed segment without reading its batches' places.
struct RunSummary: Equatable, Sendable {
    var handle: UInt64
    var first: Int64
    var next: Int64
    var latest: Int64
    /// Position of the run's entries among all entries of the index file.
    var entryStart: UInt32
    var entryCount: UInt32
    var entriesChecksum: UInt32

    static let size = 44
}

extension [RunSummary] {
    /// The run of a partition; summaries are sorted by handle.
    func run(of handle: UInt64) -> RunSummary? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].handle < handle { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low].handle == handle ? self[low] : nil
    }
}

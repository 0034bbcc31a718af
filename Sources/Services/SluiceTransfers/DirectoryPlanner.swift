internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Finds out which directories a range's records go to: one object for each.
struct DirectoryPlanner: Sendable {
    /// What goes into one directory.
    struct Share: Sendable {
        let directory: String
        let first: SequenceNumber
        var last: SequenceNumber
        var records: Int
        /// What gathering them takes in memory.
        var bytes: Int
        /// Which records they are: gap, length, gap, length, …; nil where there are too many runs to note them.
        fileprivate(set) var runs: [Int]?
        fileprivate var tracker: RunTracker
    }

    /// Runs that are noted of all directories together: a quarter of a megabyte of an intent.
    static let runsMax = 1 << 15

    /// A record's number, kept beside it.
    private static let numberSize = MemoryLayout<Int64>.size

    let log: any RecordLog
    let partition: PartitionID
    let text: DelimitedText
    let readSize: ByteCount
    let sorter: RecordSorter
    /// The range is cut before it would need more directories.
    let directoriesMax: Int
    let withMemory: @Sendable (_ body: () async throws -> Void) async throws -> Void

    /// The shares in the order of their first records, and the range they cover: the given one or its beginning.
    func plan(_ range: CutRange) async throws -> (shares: [Share], range: CutRange) {
        var order: [String] = []
        var shares: [String: Share] = [:]
        var covered = CutRange(first: range.first, next: range.first, bytes: 0)
        var isFull = false
        var last: String?
        var runCount = 0
        while covered.next < range.next, !isFull {
            try await withMemory {
                for stored in try await log.read(partition, from: covered.next, limit: readSize) where !isFull {
                    let skipped = covered.next.distance(from: stored.first)
                    try unsafe stored.batch.forEachRecord { index, record in
                        guard index >= skipped else { return true }
                        guard covered.next < range.next else { return false }
                        let directory = unsafe sorter.directory(of: record.data)
                        let length = text.length(ofRecord: unsafe record.data.count)
                        let size =
                            unsafe RecordBatch.recordHeaderSize + record.key.count + record.data.count
                            + Self.numberSize
                        var share = shares.removeValue(forKey: directory)
                        if share == nil {
                            isFull = shares.count >= directoriesMax
                            if isFull { return false }
                            order.append(directory)
                        }
                        var grown = share.take() ?? Share(directory, first: covered.next)
                        if last != directory { runCount += 1 }
                        last = directory
                        grown.add(covered.next, size, notingRuns: runCount <= Self.runsMax)
                        shares[directory] = grown
                        covered.next = covered.next.advanced(by: 1)
                        covered.bytes += length
                        return true
                    }
                }
            }
        }
        let areNoted = runCount <= Self.runsMax
        return (
            order.compactMap { directory in
                guard var share = shares[directory] else { return nil }
                share.runs = areNoted ? share.tracker.runs : nil
                return share
            }, covered
        )
    }
}

extension DirectoryPlanner.Share {
    fileprivate init(_ directory: String, first: SequenceNumber) {
        self.init(
            directory: directory, first: first, last: first, records: 0, bytes: 0, tracker: RunTracker(first: first))
    }

    fileprivate mutating func add(_ number: SequenceNumber, _ size: Int, notingRuns: Bool) {
        last = number
        records += 1
        bytes += size
        if notingRuns { tracker.add(number) }
    }
}

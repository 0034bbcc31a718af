internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Reads a range from the log and gives it out piece by piece as delimited text: all of it, or one directory's records.
actor RangeReader {
    private let log: any RecordLog
    private let partition: PartitionID
    private let last: SequenceNumber
    private let text: DelimitedText
    private let readSize: ByteCount
    private let sorter: RecordSorter?
    private let directory: String
    private var position: SequenceNumber
    private var runTracker: RunTracker

    init(
        log: any RecordLog, partition: PartitionID, first: SequenceNumber, last: SequenceNumber, text: DelimitedText,
        readSize: ByteCount, sorter: RecordSorter? = nil, directory: String = ""
    ) {
        self.log = log
        self.partition = partition
        self.last = last
        self.text = text
        self.readSize = readSize
        self.sorter = sorter
        self.directory = directory
        position = first
        runTracker = RunTracker(first: first)
    }

    /// The numbers given out so far, as the ledger keeps them; nil when nothing of the range was left out.
    var runs: [Int]? { sorter == nil ? nil : runTracker.runs }

    /// The next piece, at most one read's worth and never empty; nil at the end of the range.
    func next() async throws -> [UInt8]? {
        var piece: [UInt8] = []
        while piece.isEmpty, position <= last {
            let batches = try await log.read(partition, from: position, limit: readSize)
            guard !batches.isEmpty else {
                throw RecordLogError(.beyondEnd, "\(partition) ends at \(position), before the planned range does")
            }
            if sorter == nil { piece.reserveCapacity(batches.reduce(0) { $0 + $1.batch.bytes.count }) }
            for stored in batches where position <= last {
                let skipped = position.distance(from: stored.first)
                try unsafe stored.batch.forEachRecord { index, record in
                    guard index >= skipped else { return true }
                    guard position <= last else { return false }
                    if unsafe sorter?.directory(of: record.data) ?? directory == directory {
                        unsafe text.append(record.data, to: &piece)
                        if sorter != nil { runTracker.add(position) }
                    }
                    position = position.advanced(by: 1)
                    return true
                }
            }
            // Records without data and delimiter make no bytes.
            if position > last, piece.isEmpty { return nil }
        }
        return piece.isEmpty ? nil : piece
    }
}

/// Writes ascending numbers down as runs: gap, length, gap, length, …
struct RunTracker: Sendable {
    private(set) var runs: [Int] = []
    private var next: SequenceNumber

    init(first: SequenceNumber) {
        next = first
    }

    mutating func add(_ number: SequenceNumber) {
        let gap = number.distance(from: next)
        if gap == 0, !runs.isEmpty {
            runs[runs.count - 1] += 1
        } else {
            runs += [gap, 1]
        }
        next = number.advanced(by: 1)
    }
}

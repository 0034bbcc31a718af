internal import SluiceCore
internal import SluicePorts

/// Reads a range from the log, one read at a time: all of it, or what is selected.
struct RangeReader: RecordSource {
    private let log: any RecordLog
    private let partition: PartitionID
    private let range: ClosedRange<SequenceNumber>
    private let readSize: ByteCount
    private let selection: RecordSelection
    private var position: SequenceNumber

    init(
        log: any RecordLog, partition: PartitionID, range: ClosedRange<SequenceNumber>, readSize: ByteCount,
        selection: RecordSelection = .all
    ) {
        self.log = log
        self.partition = partition
        self.range = range
        self.readSize = readSize
        self.selection = selection
        position = range.lowerBound
    }

    mutating func next() async throws -> RecordPortion? {
        guard position <= range.upperBound else { return nil }
        let batches = try await log.read(partition, from: position, limit: readSize)
        guard let last = batches.last else {
            throw RecordLogError(.beyondEnd, "\(partition) ends at \(position), before the planned range does")
        }
        let rest = position...range.upperBound
        position = last.next
        return RecordPortion(parts: batches.map { .stored($0, within: rest) }, selection: selection)
    }
}

/// Records that are in memory already.
struct CollectedRecords: RecordSource {
    private var portions: ArraySlice<RecordPortion>

    init(_ portions: [RecordPortion]) {
        self.portions = portions[...]
    }

    mutating func next() async throws -> RecordPortion? { portions.popFirst() }
}

internal import SluiceCore
internal import SluicePorts

/// Records on their way into an object, a bounded number of bytes at a time.
protocol RecordSource: Sendable {
    /// The next records, at least one read's worth unless they end; nil at the end.
    mutating func next() async throws -> RecordPortion?
}

/// Some records with their numbers, ascending.
struct RecordPortion: Sendable {
    enum Part: Sendable {
        /// Consecutive numbers, those within the range only.
        case stored(StoredBatch, within: ClosedRange<SequenceNumber>)
        /// A number for each record of the batch.
        case numbered(RecordBatch, [Int64])
    }

    let parts: [Part]
    var selection = RecordSelection.all

    /// The encoded length of all records that it is taken from.
    var bytes: Int {
        parts.reduce(0) { sum, part in
            switch part {
            case .stored(let stored, _): sum + stored.batch.bytes.count
            case .numbered(let batch, _): sum + batch.bytes.count
            }
        }
    }

    func forEach(_ body: (SequenceNumber, RecordView) throws -> Void) throws {
        for part in parts {
            switch part {
            case .stored(let stored, let range):
                try unsafe stored.batch.forEachRecord { index, record in
                    let number = stored.first.advanced(by: index)
                    guard number >= range.lowerBound else { return true }
                    guard number <= range.upperBound else { return false }
                    if unsafe selection.holds(number, record) { try unsafe body(number, record) }
                    return true
                }
            case .numbered(let batch, let numbers):
                try unsafe batch.forEachRecord { index, record in
                    let number = SequenceNumber(numbers[index])
                    if unsafe selection.holds(number, record) { try unsafe body(number, record) }
                    return true
                }
            }
        }
    }
}

/// Which records of a range belong to an object.
enum RecordSelection: Sendable {
    case all
    /// Those that name this directory.
    case directory(String, RecordSorter)
    case runs(RecordRuns)

    func holds(_ number: SequenceNumber, _ record: RecordView) -> Bool {
        switch self {
        case .all: true
        case .directory(let directory, let sorter): unsafe sorter.directory(of: record.data) == directory
        case .runs(let runs): runs.holds(number.value)
        }
    }
}

/// Gathers records of one directory in memory.
struct RecordCollector: Sendable {
    private var builder = RecordBatchBuilder()
    private var numbers: [Int64] = []

    mutating func append(_ number: SequenceNumber, _ record: RecordView) {
        unsafe builder.append(
            key: record.key, flags: record.flags, timestamp: record.timestamp, dataLength: record.data.count
        ) { target in unsafe target.copyMemory(from: record.data) }
        numbers.append(number.value)
    }

    /// What has been gathered; nil when nothing has.
    var portion: RecordPortion? {
        builder.finish().map { RecordPortion(parts: [.numbered($0, numbers)]) }
    }
}

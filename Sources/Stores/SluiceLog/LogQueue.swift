internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// A batch with its checksum, which the appender computes so that all cores share that work.
struct PendingBatch: Sendable {
    let partition: PartitionID
    let batch: RecordBatch
    let checksum: UInt32
}

/// One call that waits for the writer.
struct LogItem: Sendable {
    struct TrimRequest: Sendable {
        var partition: PartitionID
        var first: SequenceNumber
        /// Whether numbers above the next one are an error of the caller's.
        var isChecked = true
    }

    enum Work: Sendable {
        case append([PendingBatch])
        case create([PartitionID])
        case delete([PartitionID])
        case trim([TrimRequest])
        /// Nothing; but everything before it is known to have been synced once it is found.
        case mark
    }

    let work: Work
    /// Bytes that it takes in a segment at most.
    let footprint: Int
    /// Called once, with one result a batch, or a single one.
    let complete: @Sendable ([Result<AppendOutcome, RecordLogError>]) -> Void

    init(_ work: Work, complete: @escaping @Sendable ([Result<AppendOutcome, RecordLogError>]) -> Void) {
        self.work = work
        self.complete = complete
        footprint =
            switch work {
            case .append(let batches):
                batches.reduce(0) { $0 + BatchHeader.totalLength(payload: $1.batch.bytes.count) }
            case .create(let partitions):
                BatchHeader.totalLength(payload: partitions.reduce(0) { $0 + $1.stream.text.utf8.count + 18 })
            case .delete(let partitions): BatchHeader.totalLength(payload: 4 + partitions.count * 8)
            case .trim(let requests): BatchHeader.totalLength(payload: 4 + requests.count * 16)
            case .mark: BatchHeader.totalLength(payload: 4)
            }
    }

    /// Whether it may use the bytes that each segment keeps back: what frees space has to work on a full disk.
    var freesSpace: Bool {
        switch work {
        case .append, .create: false
        case .delete, .trim, .mark: true
        }
    }

    /// Whether the calls behind it have to see its effect, so that it ends its round.
    var endsRound: Bool {
        switch work {
        case .append, .trim: false
        case .create, .delete, .mark: true
        }
    }

    func fail(_ error: RecordLogError) {
        switch work {
        case .append(let batches): complete(batches.map { _ in .failure(error) })
        default: complete([.failure(error)])
        }
    }
}

/// The calls that wait for the writer, in order.
///
/// It holds references to what suspended callers hold anyway, so their number and sizes bound it; a round takes at
/// most `LogConfiguration.roundLimit` bytes.
final class LogQueue: Sendable {
    private struct State {
        var items: [LogItem] = []
        var isWriterAwake = false
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Adds a call; returns whether the writer has to be woken, or nil when the log is shut down.
    func add(_ item: LogItem) -> Bool? {
        state.withLock { state in
            if state.isClosed { return nil }
            state.items.append(item)
            defer { state.isWriterAwake = true }
            return !state.isWriterAwake
        }
    }

    /// Everything that waits; empty when the writer may go to sleep.
    func takeAll() -> [LogItem] {
        state.withLock { state in
            if state.items.isEmpty { state.isWriterAwake = false }
            defer { state.items = [] }
            return state.items
        }
    }

    /// Lets nothing more in.
    func close() {
        state.withLock { $0.isClosed = true }
    }
}

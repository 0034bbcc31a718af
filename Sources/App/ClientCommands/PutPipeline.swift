internal import Terminal

/// Reads, cuts and sends at the same time.
///
/// One task owns the state and acts on two events: bytes have been read, a batch has been answered. A batch leaves when it
/// is full, or when nothing else is on its way: so a slow input is not kept waiting, and a fast one fills its requests.
/// Reading stops while full batches wait: at most `inFlightMax` requests and one read's batches are in memory.
struct PutPipeline {
    private enum Event: Sendable {
        case read([UInt8]?)
        case answered(RecordPutter.Tally, consumedBytes: Int)
        case failed(CommandError)
    }

    let putter: RecordPutter
    let inFlightMax: Int
    let progress: ProgressBar?
    private var batcher: LineBatcher
    private var waiting: [PutBatch] = []
    private var inFlight = 0
    private var isReading = false
    private var isAtEnd = false
    /// Ends everything.
    private var failure: CommandError?
    /// Ends the reading.
    private var inputFailure: CommandError?
    private var tally = RecordPutter.Tally()

    init(putter: RecordPutter, inFlightMax: Int, progress: ProgressBar?, batcher: LineBatcher) {
        self.putter = putter
        self.inFlightMax = inFlightMax
        self.progress = progress
        self.batcher = batcher
    }

    /// Puts `records`, then what `source` gives; tells what has become of them and what ended it early.
    ///
    /// After a failure nothing more is read or begun, and what is on its way is waited for.
    mutating func run(_ records: [[UInt8]], _ source: (any ByteSource)?) async -> (RecordPutter.Tally, CommandError?) {
        do {
            for record in records { try batcher.append(record: record, full: &waiting) }
        } catch {
            return (tally, error)
        }
        isAtEnd = source == nil
        await withTaskGroup(of: Event.self) { group in
            // Ends when nothing is read and nothing on its way: each event takes one of the two away.
            while true {
                start(source, in: &group)
                guard let event = await group.next() else { break }
                await handle(event)
            }
        }
        return (tally, failure ?? inputFailure)
    }

    private mutating func start(_ source: (any ByteSource)?, in group: inout TaskGroup<Event>) {
        while failure == nil, inFlight < inFlightMax, let batch = nextBatch() {
            inFlight += 1
            group.addTask { [putter] in
                do {
                    return .answered(try await putter.put(batch), consumedBytes: batch.consumedBytes)
                } catch let error as CommandError {
                    return .failed(error)
                } catch {
                    return .failed(CommandError("\(error)"))
                }
            }
        }
        if failure == nil, !isAtEnd, !isReading, waiting.isEmpty, let source {
            isReading = true
            group.addTask {
                do {
                    return .read(try await source.read())
                } catch let error as CommandError {
                    return .failed(error)
                } catch {
                    return .failed(CommandError("\(error)"))
                }
            }
        } else if failure != nil {
            // A read that waits for a person is not waited for.
            group.cancelAll()
        }
    }

    private mutating func nextBatch() -> PutBatch? {
        if !waiting.isEmpty { return waiting.removeFirst() }
        return inFlight == 0 || isAtEnd ? batcher.flush() : nil
    }

    private mutating func handle(_ event: Event) async {
        switch event {
        case .read(let bytes):
            isReading = false
            do {
                if let bytes {
                    try batcher.append(bytes, full: &waiting)
                } else {
                    isAtEnd = true
                    try batcher.finish(full: &waiting)
                }
            } catch {
                // What stands before the bad line is still put.
                isAtEnd = true
                inputFailure = error
            }
        case .answered(let answered, let consumedBytes):
            inFlight -= 1
            tally.add(answered)
            await progress?.advance(by: consumedBytes)
        case .failed(let error):
            failure = failure ?? error
        }
    }
}

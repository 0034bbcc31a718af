internal import Observability
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// What the parts of one log share.
///
/// Locks: `state` is never held while the disk is touched or another lock of the log is taken; `waiters` may take it.
final class LogShared: Sendable {
    let configuration: LogConfiguration
    let files: LogFiles
    let time: any TimeSource
    let logger: Logger
    let metrics: LogMetrics
    let state: Mutex<LogState>
    let queue = LogQueue()
    let waiters = RecordWaiters()
    private let signals = Mutex<(writer: (@Sendable () -> Void)?, maintenance: (@Sendable () -> Void)?)>((nil, nil))

    init(
        configuration: LogConfiguration, files: LogFiles, time: any TimeSource, logger: Logger,
        metrics: MetricsRegistry
    ) {
        self.configuration = configuration
        self.files = files
        self.time = time
        self.logger = logger
        self.metrics = LogMetrics(metrics)
        state = Mutex(LogState(configuration: configuration))
    }

    /// Says how the writer and the maintenance are woken.
    func connect(writer: (@Sendable () -> Void)?, maintenance: (@Sendable () -> Void)?) {
        signals.withLock { $0 = (writer, maintenance) }
    }

    func wakeMaintenance() { signals.withLock(\.maintenance)?() }

    /// Hands a call to the writer.
    func submit(_ item: LogItem) {
        switch queue.add(item) {
        case nil: item.fail(RecordLogError(.shutDown, "the log is shut down"))
        case false?: break
        case true?: signals.withLock(\.writer)?()
        }
    }

    func report(_ error: FileError, _ message: String) {
        metrics.failures.increment()
        logger.error(message, ["error": "\(error)"])
    }

    /// Makes a durable round visible.
    func publish(_ round: LogRound, in segment: UInt64, end: Int, round number: UInt32) {
        var records = 0
        state.withLock { state in
            let active = state.segment(segment)
            active?.end = end
            active?.lastRound = number
            for position in round.entries.indices {
                // Not as a whole: an entry's copy would count references for nothing, batch by batch.
                let header = round.entries[position].header
                guard let batch = round.entries[position].batch, let index = state.table.index(of: header.handle) else {
                    continue
                }
                let offset = round.entries[position].offset
                state.table[index].next = header.first + Int64(header.count)
                active?.runs?[header.handle, default: PartitionRun(first: header.first)].append(header, at: offset)
                state.cache.insert(batch, at: TailCache.Place(segment: segment, offset: UInt32(offset)))
                records += batch.count
            }
            for change in round.changes { state.apply(change) }
        }
        metrics.records.increment(by: records)
        waiters.wake(round.entries.lazy.compactMap(\.partition))
        for change in round.changes {
            if case .delete(let namings) = change {
                waiters.wake(namings.map(\.id))
                wakeMaintenance()
            }
            if case .trim = change { wakeMaintenance() }
        }
    }

    /// Ends the active segment where it is durable and puts another behind it.
    func sealActive(at end: Int, lastRound: UInt32, beginning next: LogFiles.ActiveSegment) {
        let now = time.elapsed()
        state.withLock { state in
            state.lastFill = state.begun.map { now - $0 }
            state.begun = now
            if let active = state.segments.last {
                active.end = end
                active.lastRound = lastRound
                active.isSealed = true
            }
            let segment = LogState.Segment(id: next.id, salt: next.salt, end: next.end, fileSize: next.capacity)
            segment.runs = [:]
            segment.lastRound = next.lastRound
            state.segments.append(segment)
        }
    }
}

extension LogState {
    mutating func apply(_ change: LogRound.Change) {
        switch change {
        case .create(let namings):
            for naming in namings { table.insert(naming.id, handle: naming.handle) }
        case .delete(let namings):
            for naming in namings { table.remove(handle: naming.handle) }
        case .trim(let trim, _):
            if let index = table.index(of: trim.handle) { table[index].first = max(table[index].first, trim.first) }
        }
    }
}

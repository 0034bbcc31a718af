internal import Observability
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// The one place that writes: takes all calls that wait, writes them as one round into the active segment, makes it
/// durable by one sync, and only then lets anybody see it.
///
/// After a failed write or sync nothing of the round may ever be seen: the segment is abandoned at its last durable
/// byte for a fresh one, or, where no space is left for that, the round's first header is overwritten and synced.
final class LogWriter: Sendable {
    private struct State {
        var file: any File
        var segment: UInt64
        var salt: UInt64
        /// Where the next round goes: the end of what is durable.
        var offset: Int
        var capacity: Int
        var round: UInt32
        /// A failed round could not be made unreadable yet; nothing is written before that.
        var isBroken = false
        var staging: [UInt8] = []
    }

    private let shared: LogShared
    private let state: Mutex<State>

    init(_ shared: LogShared, active: LogFiles.ActiveSegment) {
        self.shared = shared
        state = Mutex(
            State(
                file: active.file, segment: active.id, salt: active.salt, offset: active.end,
                capacity: active.capacity, round: active.lastRound + 1))
    }

    /// Works until no call waits; called by one thread at a time.
    func run() {
        state.withLock { state in
            while true {
                let items = shared.queue.takeAll()
                if items.isEmpty { return }
                var rest = items[...]
                while !rest.isEmpty { performRound(&rest, &state) }
            }
        }
    }

    /// Writes a round that says nothing, so that the one before it counts as synced at the next start.
    func mark() {
        state.withLock { state in
            let shared = shared
            var items = [
                LogItem(.mark) { results in
                    if case .failure(let error)? = results.first {
                        shared.logger.warning("the end of the log could not be marked", ["error": "\(error)"])
                    }
                }
            ][...]
            performRound(&items, &state)
        }
    }

    /// Where the active segment ends.
    var offset: Int { state.withLock(\.offset) }

    /// Ends the active segment and begins another, for a clean stop.
    func roll() throws(FileError) {
        try state.withLock { state throws(FileError) in try roll(&state, minimum: 0) }
    }

    private func performRound(_ items: inout ArraySlice<LogItem>, _ state: inout State) {
        // A segment that was begun in vain says where this one ends: recovery would take no notice of what came behind.
        do throws(FileError) {
            try shared.files.removeUnfinished()
        } catch {
            shared.report(error, "a segment that was begun in vain could not be removed")
            let failure = RecordLogError(error.code == .noSpace ? .full : .unavailable, "\(error)")
            for item in items { item.fail(failure) }
            items = []
            return
        }
        if state.isBroken, let error = repair(&state) {
            for item in items { item.fail(error) }
            items = []
            return
        }
        guard let first = items.first else { return }
        if !fits(first, bytes: 0, state) {
            do throws(FileError) {
                try roll(&state, minimum: first.footprint)
            } catch {
                shared.report(error, "could not begin a segment")
                first.fail(RecordLogError(error.code == .noSpace ? .full : .unavailable, "\(error)"))
                items.removeFirst()
                return
            }
        }
        let batch = takeRound(&items, state)
        var round = LogRound()
        shared.state.withLock { known in
            for item in batch { round.add(item, to: known) }
        }
        let failure = round.entries.isEmpty ? nil : write(&round, &state)
        for (item, outcomes) in zip(batch, round.outcomes(failure)) { item.complete(outcomes) }
    }

    private func fits(_ item: LogItem, bytes: Int, _ state: State) -> Bool {
        let limit = item.freesSpace ? state.capacity : state.capacity - LogConfiguration.reserve
        return state.offset + bytes + item.footprint <= limit
    }

    private func takeRound(_ items: inout ArraySlice<LogItem>, _ state: State) -> [LogItem] {
        var batch: [LogItem] = []
        var bytes = 0
        while let item = items.first, fits(item, bytes: bytes, state) {
            if !batch.isEmpty, bytes + item.footprint > LogConfiguration.roundLimit { break }
            bytes += item.footprint
            batch.append(item)
            items.removeFirst()
            if item.endsRound { break }
        }
        return batch
    }

    /// Writes, syncs and publishes a round; returns why it failed.
    private func write(_ round: inout LogRound, _ state: inout State) -> RecordLogError? {
        let end = round.place(at: state.offset, segment: state.segment, salt: state.salt, round: state.round)
        do throws(FileError) {
            try round.write(to: state.file, at: state.offset, staging: &state.staging)
            let begun = shared.time.elapsed()
            try state.file.synchronize()
            shared.metrics.synced(bytes: end - state.offset, taking: shared.time.elapsed() - begun)
        } catch {
            return abandonRound(after: error, &state)
        }
        state.offset = end
        state.round += 1
        shared.publish(round, in: state.segment, end: end, round: state.round - 1)
        if state.staging.capacity > 4 << 20 { state.staging = [] }
        return nil
    }

    // MARK: - Failed rounds

    private func abandonRound(after error: FileError, _ state: inout State) -> RecordLogError {
        shared.report(error, "a round could not be made durable")
        state.isBroken = true
        if let second = repair(&state, preferringOverwrite: error.code == .noSpace) {
            return RecordLogError(.outcomeUnknown, "\(error); then \(second.message)")
        }
        return RecordLogError(error.code == .noSpace ? .full : .unavailable, "\(error)")
    }

    /// Makes the failed round unreadable for ever; nil when that is durable.
    private func repair(_ state: inout State, preferringOverwrite: Bool = false) -> RecordLogError? {
        do throws(FileError) {
            if preferringOverwrite {
                try overwriteRound(&state)
            } else {
                try roll(&state, minimum: 0)
            }
        } catch {
            do throws(FileError) {
                if preferringOverwrite {
                    try roll(&state, minimum: 0)
                } else {
                    try overwriteRound(&state)
                }
            } catch let second {
                return RecordLogError(
                    error.code == .noSpace ? .full : .unavailable, "the log cannot be written: \(error); \(second)")
            }
        }
        state.isBroken = false
        return nil
    }

    private func overwriteRound(_ state: inout State) throws(FileError) {
        try shared.files.removeUnfinished()
        try state.file.writeAll([UInt8](repeating: 0, count: BatchHeader.size), at: state.offset)
        try state.file.synchronize()
        // The failed round's other batches may lie about; their round number makes them void.
        state.round += 1
    }

    // MARK: - Segments

    private func roll(_ state: inout State, minimum: Int) throws(FileError) {
        let table = shared.state.withLock(\.table.entry)
        let active = try shared.files.beginSegment(
            after: state.segment, endingAt: state.offset, table: table, minimum: minimum)
        shared.sealActive(at: state.offset, lastRound: state.round - 1, beginning: active)
        state.file = active.file
        state.segment = active.id
        state.salt = active.salt
        state.offset = active.end
        state.capacity = active.capacity
        state.round = active.lastRound + 1
        state.isBroken = false
        shared.wakeMaintenance()
    }
}

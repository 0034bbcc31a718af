internal import SluiceCore
internal import SluicePorts

/// Which batches a read returns and where they lie.
struct ReadPlan: Sendable {
    struct Piece: Sendable {
        var segment: UInt64
        var salt: UInt64
        var handle: UInt64
        var first: Int64
        var entry: BatchEntry
        /// The batch itself when the tail cache has it.
        var cached: RecordBatch?
    }

    /// Entries that have to be loaded before the plan can be made.
    struct Missing: Sendable {
        var segment: UInt64
        var index: IndexFile
        var run: RunSummary
    }

    var pieces: [Piece] = []
    var missing: Missing?

    /// The batches, when no disk is needed.
    var fromMemory: [StoredBatch]? {
        guard missing == nil else { return nil }
        var batches: [StoredBatch] = []
        batches.reserveCapacity(pieces.count)
        for piece in pieces {
            guard let cached = piece.cached else { return nil }
            batches.append(StoredBatch(first: SequenceNumber(piece.first), batch: cached))
        }
        return batches
    }
}

extension LogState {
    /// The run's batch places, or what has to be read to know them.
    private func entries(
        of slot: PartitionTable.Slot, in segment: Segment, _ loaded: [EntriesKey: [BatchEntry]]
    ) throws(RecordLogError) -> (first: Int64, entries: [BatchEntry]?, missing: ReadPlan.Missing?) {
        if let run = segment.runs?[slot.handle] { return (run.first, run.entries, nil) }
        guard let index = segment.index, let run = index.summaries.run(of: slot.handle) else {
            throw RecordLogError(.damaged, "segment \(segment.id) has no index of \(slot.id)")
        }
        let key = EntriesKey(segment: segment.id, handle: slot.handle)
        if let found = loaded[key] ?? entriesCache[key] {
            return (run.first, found, nil)
        }
        return (run.first, nil, ReadPlan.Missing(segment: segment.id, index: index, run: run))
    }

    /// The batches from `start` on until `limit` bytes are passed; `loaded` are entries that the caller has read.
    func plan(
        _ partition: PartitionID, from start: SequenceNumber, limit: ByteCount,
        loaded: [EntriesKey: [BatchEntry]] = [:]
    ) throws(RecordLogError) -> ReadPlan {
        let slot = try slot(partition)
        if start.value < slot.first { throw RecordLogError(.trimmed, "\(partition) begins at \(slot.first)") }
        if start.value > slot.next { throw RecordLogError(.beyondEnd, "\(partition) ends at \(slot.next)") }
        var plan = ReadPlan()
        var position = start.value
        var bytes = 0
        while position < slot.next, plan.pieces.isEmpty || bytes < limit.bytes {
            let segment = try segment(holding: position, of: slot)
            let found = try entries(of: slot, in: segment, loaded)
            guard let entries = found.entries, var index = entries.index(holding: position - found.first) else {
                plan.missing = found.missing
                if plan.missing == nil {
                    throw RecordLogError(.damaged, "record \(position) of \(partition) is in no batch")
                }
                return plan
            }
            while index < entries.count, plan.pieces.isEmpty || bytes < limit.bytes {
                let entry = entries[index]
                let first = found.first + Int64(entry.firstDelta)
                plan.pieces.append(
                    ReadPlan.Piece(
                        segment: segment.id, salt: segment.salt, handle: slot.handle, first: first, entry: entry,
                        cached: cache[TailCache.Place(segment: segment.id, offset: entry.offset)]))
                bytes += Int(entry.length)
                position = first + Int64(entry.count)
                index += 1
            }
        }
        return plan
    }

    /// The first batch with numbers from `start` on that may hold a record at or after `time`; no piece when there is
    /// none.
    func plan(
        _ partition: PartitionID, atOrAfter time: Timestamp, from start: SequenceNumber,
        loaded: [EntriesKey: [BatchEntry]] = [:]
    ) throws(RecordLogError) -> ReadPlan {
        var slot = try slot(partition)
        slot.first = max(slot.first, start.value)
        for segment in segments {
            guard let range = segment.range(of: slot.handle), range.next > slot.first,
                range.latest >= time.milliseconds
            else { continue }
            let found = try entries(of: slot, in: segment, loaded)
            guard let entries = found.entries else { return ReadPlan(missing: found.missing) }
            let match = entries.first { entry in
                entry.latest >= time.milliseconds
                    && found.first + Int64(entry.firstDelta) + Int64(entry.count) > slot.first
            }
            guard let entry = match else { continue }
            return ReadPlan(pieces: [
                ReadPlan.Piece(
                    segment: segment.id, salt: segment.salt, handle: slot.handle,
                    first: found.first + Int64(entry.firstDelta), entry: entry,
                    cached: cache[TailCache.Place(segment: segment.id, offset: entry.offset)])
            ])
        }
        return ReadPlan()
    }

    /// Keeps the plan's segments from being recycled until `unpin`.
    func pin(_ plan: ReadPlan) {
        for piece in plan.pieces { segment(piece.segment)?.pins += 1 }
        if let missing = plan.missing { segment(missing.segment)?.pins += 1 }
    }

    func unpin(_ plan: ReadPlan) {
        for piece in plan.pieces { segment(piece.segment)?.pins -= 1 }
        if let missing = plan.missing { segment(missing.segment)?.pins -= 1 }
    }
}

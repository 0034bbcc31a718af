internal import SluiceCore
internal import SluicePorts

/// The batches that are written and synced together, with what becomes true once they are durable.
struct LogRound {
    /// One batch of the round.
    struct Entry {
        var header: BatchHeader
        var payload: [UInt8]
        /// The records, for the tail cache; nil for control entries.
        var batch: RecordBatch?
        var partition: PartitionID?
        var offset = 0
    }

    /// A change of the partition table.
    enum Change {
        case create([ControlEntry.Naming])
        case delete([ControlEntry.Naming])
        case trim(ControlEntry.Trim, PartitionID)
    }

    private(set) var entries: [Entry] = []
    private(set) var changes: [Change] = []
    /// Per call its results, and for each the entry that it depends on.
    private(set) var results: [[(result: Result<AppendOutcome, RecordLogError>, entry: Int?)]] = []
    private var nextNumbers: [UInt64: Int64] = [:]

    /// Gives a call its numbers as they will be when the round is durable.
    mutating func add(_ item: LogItem, to state: LogState) {
        switch item.work {
        case .append(let batches): results.append(batches.map { append($0, state) })
        case .create(let partitions): results.append([create(partitions, state)])
        case .delete(let partitions): results.append([delete(partitions, state)])
        case .trim(let requests): results.append([trim(requests, state)])
        case .mark: results.append([(.done, add(.trim([])))])
        }
    }

    private mutating func append(
        _ pending: PendingBatch, _ state: LogState
    ) -> (Result<AppendOutcome, RecordLogError>, Int?) {
        guard let index = state.table.index(of: pending.partition) else {
            return (.failure(RecordLogError(.unknownPartition, "no partition \(pending.partition)")), nil)
        }
        let slot = state.table[index]
        let first = nextNumbers[slot.handle] ?? slot.next
        let outcome = AppendOutcome(first: SequenceNumber(first))
        let batch = pending.batch
        if batch.count == 0 { return (.success(outcome), nil) }
        nextNumbers[slot.handle] = first + Int64(batch.count)
        entries.append(
            Entry(
                header: BatchHeader(
                    kind: .records, payloadLength: batch.bytes.count, count: batch.count, handle: slot.handle,
                    first: first, earliest: batch.timestamps.lowerBound.milliseconds,
                    latest: batch.timestamps.upperBound.milliseconds, received: batch.received.milliseconds, segment: 0,
                    roundStart: 0, round: 0, salt: 0,
                    payloadChecksum: pending.checksum),
                payload: batch.bytes, batch: batch, partition: pending.partition))
        return (.success(outcome), entries.count - 1)
    }

    private mutating func create(
        _ partitions: [PartitionID], _ state: LogState
    ) -> (Result<AppendOutcome, RecordLogError>, Int?) {
        var namings: [ControlEntry.Naming] = []
        var seen: Set<PartitionID> = []
        for id in partitions where state.table.index(of: id) == nil && seen.insert(id).inserted {
            namings.append(
                ControlEntry.Naming(id: id, handle: state.table.nextHandle + UInt64(namings.count)))
        }
        if namings.isEmpty { return (.done, nil) }
        changes.append(.create(namings))
        return (.done, add(.create(namings)))
    }

    private mutating func delete(
        _ partitions: [PartitionID], _ state: LogState
    ) -> (Result<AppendOutcome, RecordLogError>, Int?) {
        let namings = Set(partitions).sorted().compactMap { id in
            state.table.index(of: id).map { ControlEntry.Naming(id: id, handle: state.table[$0].handle) }
        }
        if namings.isEmpty { return (.done, nil) }
        changes.append(.delete(namings))
        return (.done, add(.delete(namings.map(\.handle))))
    }

    private mutating func trim(
        _ requests: [LogItem.TrimRequest], _ state: LogState
    ) -> (Result<AppendOutcome, RecordLogError>, Int?) {
        var trims: [ControlEntry.Trim] = []
        for request in requests {
            guard let index = state.table.index(of: request.partition) else {
                if !request.isChecked { continue }
                return (.failure(RecordLogError(.unknownPartition, "no partition \(request.partition)")), nil)
            }
            let slot = state.table[index]
            if request.isChecked, request.first.value > slot.next {
                return (.failure(RecordLogError(.beyondEnd, "\(request.partition) ends at \(slot.next)")), nil)
            }
            let first = min(request.first.value, slot.next)
            if first <= slot.first { continue }
            trims.append(ControlEntry.Trim(handle: slot.handle, first: first))
            changes.append(.trim(ControlEntry.Trim(handle: slot.handle, first: first), request.partition))
        }
        return trims.isEmpty ? (.done, nil) : (.done, add(.trim(trims)))
    }

    private mutating func add(_ entry: ControlEntry) -> Int {
        entries.append(Entry(control: entry))
        return entries.count - 1
    }

    /// Puts the entries one behind the other from `offset` on and completes their headers; returns the end.
    mutating func place(at offset: Int, segment: UInt64, salt: UInt64, round: UInt32) -> Int {
        var position = offset
        for index in entries.indices {
            entries[index].offset = position
            entries[index].header.segment = segment
            entries[index].header.salt = salt
            entries[index].header.round = round
            entries[index].header.roundStart = offset
            position += entries[index].header.totalLength
        }
        return position
    }

    /// Writes the entries. Short payloads are gathered in `staging`, long ones handed over where they lie.
    func write(to file: any File, at offset: Int, staging: inout [UInt8]) throws(FileError) {
        staging.removeAll(keepingCapacity: true)
        var pieces: [Piece] = []
        var start = 0
        for index in entries.indices {
            entries[index].header.encode(into: &staging)
            let payload = entries[index].payload
            if payload.count <= LogConfiguration.gatherLimit {
                staging += payload
            } else {
                pieces.append(.staged(start..<staging.count))
                pieces.append(.payload(index))
                start = staging.count
            }
            let padding = entries[index].header.totalLength - BatchHeader.size - payload.count
            for _ in 0..<padding { staging.append(0) }
        }
        pieces.append(.staged(start..<staging.count))
        try unsafe staging.span.withUnsafeBytes { staged throws(FileError) in
            var gathered: [UnsafeRawBufferPointer] = unsafe []
            try unsafe write(pieces[...], staged, &gathered, to: file, at: offset)
        }
    }

    private enum Piece {
        case staged(Range<Int>)
        case payload(Int)
    }

    /// Long payloads lend their bytes only within a closure each, hence the nesting; a round has few of them.
    private func write(
        _ pieces: ArraySlice<Piece>, _ staged: UnsafeRawBufferPointer,
        _ gathered: inout [UnsafeRawBufferPointer], to file: any File, at offset: Int
    ) throws(FileError) {
        var pieces = pieces
        while let piece = pieces.popFirst() {
            switch piece {
            case .staged(let range):
                unsafe gathered.append(UnsafeRawBufferPointer(rebasing: staged[range]))
            case .payload(let index):
                let payload = entries[index].payload
                return try unsafe payload.span.withUnsafeBytes { payload throws(FileError) in
                    unsafe gathered.append(payload)
                    try unsafe write(pieces, staged, &gathered, to: file, at: offset)
                }
            }
        }
        try unsafe file.writeAll(gathered, at: offset)
    }

    /// What each call gets when the round is durable, or when it failed.
    func outcomes(_ failure: RecordLogError?) -> [[Result<AppendOutcome, RecordLogError>]] {
        results.map { $0.map { $0.entry != nil ? (failure.map { .failure($0) } ?? $0.result) : $0.result } }
    }
}

extension LogRound.Entry {
    init(control: ControlEntry) {
        let payload = control.encoded()
        self.init(
            header: BatchHeader(
                kind: control.kind, payloadLength: payload.count, count: 0, handle: 0, first: 0, earliest: 0,
                latest: 0, received: 0, segment: 0, roundStart: 0, round: 0, salt: 0,
                payloadChecksum: CRC32C.checksum(payload)),
            payload: payload)
    }
}

extension Result<AppendOutcome, RecordLogError> {
    /// The success of a call that has no number to return.
    static var done: Self { .success(AppendOutcome(first: .zero)) }
}

internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// Reads batches from segment files and verifies every byte. Blocks; used on the reader threads.
struct LogReader: Sendable {
    private let shared: LogShared

    init(_ shared: LogShared) {
        self.shared = shared
    }

    /// Makes a plan, loading what it misses, and fetches its batches.
    func read(
        _ makePlan: (LogState, [LogState.EntriesKey: [BatchEntry]]) throws(RecordLogError) -> ReadPlan
    ) throws(RecordLogError) -> [StoredBatch] {
        // What this call has loaded stays with it, however small the cache is.
        var loaded: [LogState.EntriesKey: [BatchEntry]] = [:]
        while true {
            let plan = try shared.state.withLock { state throws(RecordLogError) in
                let plan = try makePlan(state, loaded)
                state.pin(plan)
                return plan
            }
            defer { shared.state.withLock { $0.unpin(plan) } }
            if let missing = plan.missing {
                let key = LogState.EntriesKey(segment: missing.segment, handle: missing.run.handle)
                loaded[key] = try load(missing)
                continue
            }
            var batches: [StoredBatch] = []
            batches.reserveCapacity(plan.pieces.count)
            for piece in plan.pieces { batches.append(try fetch(piece)) }
            return batches
        }
    }

    func sequenceNumber(in partition: PartitionID, atOrAfter time: Timestamp) throws(RecordLogError) -> SequenceNumber {
        var position = SequenceNumber.zero
        while true {
            let bounds = try shared.state.withLock { state throws(RecordLogError) in try state.slot(partition) }
            let found = try read { state, loaded throws(RecordLogError) in
                try state.plan(partition, atOrAfter: time, from: position, loaded: loaded)
            }
            guard let stored = found.first else { return SequenceNumber(bounds.next) }
            let start = max(position, SequenceNumber(bounds.first))
            do {
                if let number = try stored.firstNumber(atOrAfter: time, from: start) { return number }
            } catch {
                throw RecordLogError(.damaged, "\(partition) at \(stored.first): \(error)")
            }
            position = stored.next
        }
    }

    private func load(_ missing: ReadPlan.Missing) throws(RecordLogError) -> [BatchEntry] {
        let path = shared.files.indexPath(missing.segment)
        let entries: [BatchEntry]?
        do throws(FileError) {
            entries = try missing.index.entries(of: missing.run, from: try shared.files.reading(path))
        } catch {
            throw RecordLogError(.unavailable, "\(error)")
        }
        guard let entries else { throw RecordLogError(.damaged, "\(path) does not match its checksums") }
        shared.state.withLock {
            $0.entriesCache.insert(
                entries, for: LogState.EntriesKey(segment: missing.segment, handle: missing.run.handle))
        }
        return entries
    }

    private func fetch(_ piece: ReadPlan.Piece) throws(RecordLogError) -> StoredBatch {
        if let cached = piece.cached { return StoredBatch(first: SequenceNumber(piece.first), batch: cached) }
        let path = shared.files.segmentPath(piece.segment)
        let batch: RecordBatch?
        do throws(FileError) {
            batch = try Self.readBatch(piece, from: try shared.files.reading(path))
        } catch {
            throw RecordLogError(.unavailable, "\(error)")
        }
        guard let batch else {
            throw RecordLogError(.damaged, "\(path) does not match its checksums at offset \(piece.entry.offset)")
        }
        return StoredBatch(first: SequenceNumber(piece.first), batch: batch)
    }

    /// The batch, or nil when anything differs from what the index and the checksums say.
    private static func readBatch(_ piece: ReadPlan.Piece, from file: any File) throws(FileError) -> RecordBatch? {
        let offset = Int(piece.entry.offset)
        let length = Int(piece.entry.length)
        var head = [UInt8](repeating: 0, count: BatchHeader.size)
        var failure: FileError?
        let payload = unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            unsafe head.withUnsafeMutableBytes { header in
                do throws(FileError) {
                    let read = try unsafe file.read(
                        into: [header, UnsafeMutableRawBufferPointer(buffer)], at: offset)
                    count = max(0, read - BatchHeader.size)
                } catch {
                    failure = error
                    count = 0
                }
            }
        }
        if let failure { throw failure }
        guard payload.count == length, let header = BatchHeader(decoding: head[...]), header.kind == .records,
            header.handle == piece.handle, header.first == piece.first, header.segment == piece.segment,
            header.salt == piece.salt, header.payloadLength == length, header.count == Int(piece.entry.count),
            header.payloadChecksum == CRC32C.checksum(payload)
        else { return nil }
        return RecordBatch(
            bytes: payload, count: header.count,
            timestamps: Timestamp(milliseconds: header.earliest)...Timestamp(milliseconds: header.latest),
            received: Timestamp(milliseconds: header.received))
    }
}

internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Makes one object of records: pulls them, encodes them, gives the bytes out piece by piece, and measures what leaves.
///
/// Records that do not convert are parked before the object's end is given out: an object that a store has whole has
/// all its failures in the catalog.
actor ObjectStreamer {
    private var source: any RecordSource
    private var encoder: ObjectEncoder
    /// Stores records that did not convert.
    private let park: (@Sendable ([FailedRecord]) async throws -> Void)?
    private var tracker: RunTracker
    private var failures: [FailedRecord] = []
    private var failureBytes = 0
    private(set) var failed: [Int64] = []
    private var isPrimed = false
    private var isOver = false
    private var length = 0
    private var crc: UInt32 = 0

    /// - Parameters:
    ///   - first: the number from which the runs are counted.
    ///   - park: without it a record that does not convert is an error, thrown from `next`.
    init(
        _ source: any RecordSource, as format: ObjectFormat, first: SequenceNumber,
        park: (@Sendable ([FailedRecord]) async throws -> Void)? = nil
    ) throws {
        self.source = source
        encoder = try ObjectEncoder(format)
        tracker = RunTracker(first: first)
        self.park = park
    }

    /// What has left so far.
    var facts: ObjectFacts { ObjectFacts(length: length, crc32c: crc) }

    /// The records that have been encoded so far.
    var records: RunTracker { tracker }

    /// Encodes until there is a record to write; false when none of them converts, and there is no object.
    func hasRecords() async throws -> Bool {
        while tracker.count == 0 {
            guard try await encodePortion() else {
                isOver = true
                try await flush()
                return false
            }
            isPrimed = true
        }
        return true
    }

    /// The next piece, never empty; nil at the end.
    func next() async throws -> [UInt8]? {
        while !isOver {
            let piece: [UInt8]
            if isPrimed {
                isPrimed = false
                piece = try encoder.takeOutput()
            } else if try await encodePortion() {
                piece = try encoder.takeOutput()
            } else {
                try await flush()
                isOver = true
                piece = try encoder.finish()
            }
            guard !piece.isEmpty else { continue }
            length += piece.count
            crc = CRC32C.checksum(piece, continuing: crc)
            return piece
        }
        return nil
    }

    /// Encodes what the source gives next; false at its end.
    private func encodePortion() async throws -> Bool {
        guard let portion = try await source.next() else { return false }
        encoder.reserve(portion.bytes)
        try unsafe portion.forEach { number, record in
            do throws(ConversionFailure) {
                try unsafe encoder.append(record.data)
                tracker.add(number)
            } catch {
                guard park != nil else { throw error }
                unsafe failures.append(FailedRecord(number, record, cause: error.cause))
                unsafe failureBytes += record.data.count
            }
        }
        if failures.count >= FailedRecord.batchCount || failureBytes >= FailedRecord.batchBytes { try await flush() }
        return true
    }

    private func flush() async throws {
        guard !failures.isEmpty else { return }
        try await park?(failures)
        failed += failures.map(\.number)
        failures = []
        failureBytes = 0
    }
}

extension ObjectStreamer {
    /// Writes the object and makes sure by reading that the destination holds what was written.
    func write(_ key: String, to sink: any ObjectSink) async throws -> ObjectFacts {
        try await sink.write(key, body: ObjectBody { try await self.next() })
        guard let kept = try await sink.examine(key) else {
            throw SinkError(.unavailable, "the destination confirmed the object \(key) but does not have it")
        }
        guard kept == facts else {
            throw SinkError(
                .unavailable,
                "the object \(key) reads back as \(kept.length) bytes with another checksum than the \(facts.length) bytes written"
            )
        }
        return kept
    }
}

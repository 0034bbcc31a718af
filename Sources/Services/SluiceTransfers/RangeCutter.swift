internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// A run of records that will become one delivery.
struct CutRange: Sendable, Equatable {
    let first: SequenceNumber
    /// The number after the last record.
    var next: SequenceNumber
    /// What the records take in the object, before any compression.
    var bytes: Int

    var records: Int { next.distance(from: first) }
}

/// Decides where a delivery ends: when the interval since its first record is over, or when it is full.
///
/// Nothing is kept in memory while the interval runs; the log is read a second time for the delivery itself.
struct RangeCutter: Sendable {
    let log: any RecordLog
    let time: any TimeSource
    let partition: PartitionID
    let text: DelimitedText
    let interval: Duration
    let sizeMax: Int
    /// Records of one range at most.
    let recordsMax: Int
    let readSize: ByteCount
    /// Holds memory for one read while it runs.
    let withMemory: @Sendable (_ body: () async throws -> Void) async throws -> Void

    /// The range that begins at `first`, which must be readable; returns when it is complete.
    func cut(from first: SequenceNumber) async throws -> CutRange {
        let deadline = time.elapsed() + interval
        var range = CutRange(first: first, next: first, bytes: 0)
        while true {
            var isFull = false
            try await withMemory { isFull = try await extend(&range) }
            if isFull { return range }
            guard try log.bounds(of: partition).next <= range.next else { continue }
            let remaining = deadline - time.elapsed()
            if remaining <= .zero { return range }
            try await wait(for: remaining, orUntilAbove: range.next.advanced(by: recordsWorthWaitingFor(range)))
        }
    }

    /// Reads once and takes what fits; true when the range can take no more.
    private func extend(_ range: inout CutRange) async throws -> Bool {
        var isFull = false
        for stored in try await log.read(partition, from: range.next, limit: readSize) {
            let skipped = range.next.distance(from: stored.first)
            try unsafe stored.batch.forEachRecord { index, record in
                guard index >= skipped else { return true }
                let length = text.length(ofRecord: unsafe record.data.count)
                if range.records > 0, range.bytes + length > sizeMax || range.records >= recordsMax {
                    isFull = true
                    return false
                }
                range.next = range.next.advanced(by: 1)
                range.bytes += length
                return true
            }
            if isFull { return true }
        }
        return range.bytes >= sizeMax || range.records >= recordsMax
    }

    /// How many more records at least half of the free space would take, going by those so far: a busy partition wakes
    /// the task a few times an object, not at every append.
    private func recordsWorthWaitingFor(_ range: CutRange) -> Int {
        let most = 1_000_000
        let average = max(1, range.bytes / max(1, range.records))
        return min(most, min(max(0, sizeMax - range.bytes) / average, recordsMax - range.records) / 2)
    }

    private func wait(for duration: Duration, orUntilAbove position: SequenceNumber) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [time] in try await time.sleep(for: duration) }
            group.addTask { [log, partition] in try await log.waitForRecords(in: partition, above: position) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

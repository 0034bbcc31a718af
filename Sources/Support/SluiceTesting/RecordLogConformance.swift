package import SluiceCore
package import SluicePorts

/// What every `RecordLog` owes its callers, as cases that any backend's tests run against a fresh log each.
///
///     @Test(arguments: RecordLogConformance.cases)
///     func conforms(to rule: RecordLogConformance.Rule) async throws { try await rule.check(MemoryRecordLog()) }
package enum RecordLogConformance {
    /// One rule; `check` throws `Violation` where the log breaks it.
    package struct Rule: Sendable, CustomStringConvertible {
        package let name: String
        package let check: @Sendable (any RecordLog) async throws -> Void
        package var description: String { name }
    }

    /// What was expected and did not hold.
    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    package static let cases: [Rule] = [
        Rule(name: "partitions begin empty", check: partitionsBeginEmpty),
        Rule(name: "creating again changes nothing", check: creatingAgainChangesNothing),
        Rule(name: "unknown partitions are refused", check: unknownPartitionsAreRefused),
        Rule(name: "numbers are dense and in order", check: numbersAreDense),
        Rule(name: "one call fails entry by entry", check: callsFailEntryByEntry),
        Rule(name: "records come back byte by byte", check: recordsComeBack),
        Rule(name: "reads keep their byte limit", check: readsKeepTheirLimit),
        Rule(name: "sizes add up", check: sizesAddUp),
        Rule(name: "positions outside are refused", check: positionsOutsideAreRefused),
        Rule(name: "trim moves forward only", check: trimMovesForwardOnly),
        Rule(name: "a trim up to the end keeps the next number", check: trimToTheEnd),
        Rule(name: "times find their record", check: timesFindTheirRecord),
        Rule(name: "a deleted partition begins again at 0", check: deletedPartitionsBeginAgain),
        Rule(name: "waiters wake for records", check: waitersWake),
        Rule(name: "waiters end with their partition", check: waitersEndWithTheirPartition),
        Rule(name: "waiters can be cancelled", check: waitersCanBeCancelled),
        Rule(name: "concurrent appends keep each caller's order", check: concurrentAppendsKeepOrder),
    ]

    // MARK: - Makings

    package static func partition(_ number: Int, of stream: String = "conformance-stream") -> PartitionID {
        PartitionID(stream: StreamID(stream), number: PartitionNumber(number))
    }

    /// A batch with one record a text, the first stamped `time`, each later one a millisecond more.
    package static func batch(_ texts: [String], at time: Int64 = 1_000) -> RecordBatch {
        var builder = RecordBatchBuilder()
        for (index, text) in texts.enumerated() {
            builder.append(data: Array(text.utf8), timestamp: Timestamp(milliseconds: time + Int64(index)))
        }
        return builder.finish()
            ?? RecordBatch(
                bytes: [], count: 0, timestamps: Timestamp(milliseconds: 0)...Timestamp(milliseconds: 0))
    }

    /// The data of all readable records at or above `start`, read in steps of `limit`, with gaps counted as violations.
    package static func texts(
        of log: any RecordLog, _ partition: PartitionID, from start: SequenceNumber, limit: ByteCount = .kibibytes(1)
    ) async throws -> [String] {
        var position = start
        var texts: [String] = []
        while true {
            let batches = try await log.read(partition, from: position, limit: limit)
            if batches.isEmpty { return texts }
            for stored in batches {
                guard stored.first <= position, stored.next > position else {
                    throw Violation(description: "asked for \(position), got \(stored.first)..<\(stored.next)")
                }
                try unsafe stored.batch.forEachRecord { index, record in
                    guard stored.first.advanced(by: index) >= position else { return true }
                    unsafe texts.append(String(decoding: record.data, as: UTF8.self))
                    return true
                }
                position = stored.next
            }
        }
    }

    static func expect(_ holds: Bool, _ message: @autoclosure () -> String) throws {
        if !holds { throw Violation(description: message()) }
    }

    static func expect(
        _ code: RecordLogError.Code, _ doing: String, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as RecordLogError {
            return try expect(error.code == code, "\(doing) threw \(error), expected \(code)")
        }
        throw Violation(description: "\(doing) went through, expected \(code)")
    }

    static func append(_ log: any RecordLog, _ partition: PartitionID, _ batch: RecordBatch) async throws
        -> SequenceNumber
    {
        let results = await log.append([PartitionAppend(partition: partition, batch: batch)])
        try expect(results.count == 1, "one append, \(results.count) results")
        return try results[0].get().first
    }
}

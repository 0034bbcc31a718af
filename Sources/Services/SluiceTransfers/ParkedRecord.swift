package import SluiceCore

/// A record that could not be converted and waits for somebody to replay or discard it.
package struct ParkedRecord: Sendable, Hashable {
    package let partition: PartitionNumber
    package let number: SequenceNumber
    /// Why it was refused the last time: names the member and what is wrong with it.
    package let cause: String
    package let attempts: Int
    package let data: [UInt8]
    package let timestamp: Timestamp
    package let parkedAt: Timestamp
    package let lastAttemptAt: Timestamp
    package let partitionKey: String?
    /// The object of the error directory that holds it too.
    package let errorObject: String
    /// Whether it will be replayed as soon as the task works.
    package let isReplayPending: Bool
}

/// Which parked records are meant; without any condition all.
package struct ParkedFilter: Sendable, Hashable {
    package var partition: PartitionNumber?
    package var numbers: Set<Int64>?
    package var from: Int64?
    package var to: Int64?
    /// A part of the cause, in the same case.
    package var cause: String?

    package init() {}

    /// The numbers that it can match at most.
    var range: ClosedRange<Int64>? {
        let low = max(from ?? 0, numbers?.min() ?? 0)
        let high = min(to ?? Int64.max, numbers?.max() ?? Int64.max)
        return low <= high ? low...high : nil
    }

    /// Whether counting matches needs a look at each entry.
    var looksAtEntries: Bool { numbers != nil || from != nil || to != nil || cause != nil }

    func holds(_ number: Int64, _ entry: ParkedEntry) -> Bool {
        (numbers?.contains(number) ?? true) && (from.map { number >= $0 } ?? true)
            && (to.map { number <= $0 } ?? true) && (cause.map { $0.isEmpty || entry.cause.contains($0) } ?? true)
    }
}

/// One page of parked records.
package struct ParkedPage: Sendable, Hashable {
    /// How many there are, on all pages together.
    package let total: Int
    package let records: [ParkedRecord]
    /// Where the next page begins; nil on the last one.
    package let next: String?
}

internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// A record that could not be converted. Its data lie under a key of their own, so that walking through entries reads
/// little. Entries at or above the partition's position belong to a delivery that is not concluded: for everybody else
/// they do not exist.
struct ParkedEntry: TransferRecord, Equatable {
    var cause: String
    var attempts: Int
    var timestamp: Int64
    /// The record's partition key; nil when it had none.
    var key: String?
    /// The length of its data.
    var bytes: Int
    var parkedAt: Int64
    var lastAttemptAt: Int64
    /// The object of the error directory that holds it too.
    var errorObject: String
}

/// Stands for a parked record whose replay has been asked for and not been carried out.
struct ReplayMark: TransferRecord {
    /// The number of the last replay when it was asked for: only a later one carries it out, in a form of its time.
    var after: Int
}

/// How many parked records of a partition are no longer: the owner of a partition's progress knows nothing of it, so that
/// it stands in a record of its own.
struct SettledRecord: TransferRecord, Equatable {
    var replayed = 0
    var discarded = 0
    /// Bytes of all of them.
    var bytes = 0
    /// Bytes of the objects that replays have made; nil before the first.
    var objectBytes: Int?

    var count: Int { replayed + discarded }
}

extension TransferKeys {
    static let settled = CatalogKey("transfer/settled/")

    static func settled(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "settled", id.text, trailingSlash: true)
    }

    static func settled(_ id: TransferTaskID, _ number: PartitionNumber) -> CatalogKey {
        CatalogKey("transfer", "settled", id.text, padded(number))
    }

    static func parked(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "parked", id.text, trailingSlash: true)
    }

    static func parked(_ id: TransferTaskID, _ number: PartitionNumber) -> CatalogKey {
        CatalogKey("transfer", "parked", id.text, padded(number), trailingSlash: true)
    }

    static func parked(_ id: TransferTaskID, _ number: PartitionNumber, _ sequence: Int64) -> CatalogKey {
        CatalogKey("transfer", "parked", id.text, padded(number), padded(SequenceNumber(sequence)))
    }

    static func parkedData(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "parked-data", id.text, trailingSlash: true)
    }

    static func parkedData(_ id: TransferTaskID, _ number: PartitionNumber, _ sequence: Int64) -> CatalogKey {
        CatalogKey("transfer", "parked-data", id.text, padded(number), padded(SequenceNumber(sequence)))
    }
}

extension TransferKeys {
    static func marks(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "marked", id.text, trailingSlash: true)
    }

    static func marks(_ id: TransferTaskID, _ number: PartitionNumber) -> CatalogKey {
        CatalogKey("transfer", "marked", id.text, padded(number), trailingSlash: true)
    }

    static func mark(_ id: TransferTaskID, _ number: PartitionNumber, _ sequence: Int64) -> CatalogKey {
        CatalogKey("transfer", "marked", id.text, padded(number), padded(SequenceNumber(sequence)))
    }
}

/// A record that failed to convert, on its way into the catalog.
struct FailedRecord: Sendable {
    let number: Int64
    let cause: String
    let timestamp: Timestamp
    let key: String?
    let data: [UInt8]

    init(_ number: SequenceNumber, _ record: RecordView, cause: String) {
        self.number = number.value
        self.cause = cause
        timestamp = unsafe record.timestamp
        key = unsafe record.flags.contains(.hasKey) ? String(decoding: record.key, as: UTF8.self) : nil
        data = unsafe Array(record.data)
    }

    /// One commit holds at most so many entries, and so many bytes of their data unless one record has more.
    static let batchCount = 256
    static let batchBytes = ByteCount.mebibytes(4).bytes
}

extension TransferStore {
    /// Entries of one partition with their numbers, from `first` to `last`, at most `limit`.
    func parked(
        _ id: TransferTaskID, _ number: PartitionNumber, from first: Int64, to last: Int64, limit: Int
    ) async throws(CatalogError) -> [(number: Int64, stored: Stored<ParkedEntry>)] {
        try await parkedPage(id, number, from: first, to: last, limit: limit, cause: nil).entries
    }

    /// The same, of which only those that the matcher takes are decoded; `end` is the last number looked at.
    func parkedPage(
        _ id: TransferTaskID, _ number: PartitionNumber, from first: Int64, to last: Int64, limit: Int,
        cause: CauseMatcher?
    ) async throws(CatalogError) -> (entries: [(number: Int64, stored: Stored<ParkedEntry>)], end: Int64?) {
        guard first <= last else { return ([], nil) }
        let after = first > 0 ? TransferKeys.parked(id, number, first - 1) : nil
        // No more than there can be: who asks for one record reads one.
        let limit = last - first < Int64(limit) ? Int(last - first) + 1 : limit
        var found: [(number: Int64, stored: Stored<ParkedEntry>)] = []
        var end: Int64?
        for entry in try await catalog.list(prefix: TransferKeys.parked(id, number), after: after, limit: limit) {
            guard let sequence = Int64(entry.key.text.suffix(19)) else {
                throw CatalogError(.damaged, key: entry.key, "the key of a parked record holds no number")
            }
            guard sequence <= last else { break }
            end = sequence
            if let cause, try !cause.fits(entry) { continue }
            let record = try Self.decode(entry, as: ParkedEntry.self)
            found.append((sequence, Stored(record: record, revision: entry.revision)))
        }
        return (found, end)
    }

    /// Those entries of one partition that there are, of the given numbers.
    func parked(
        _ id: TransferTaskID, _ number: PartitionNumber, _ sequences: [Int64]
    ) async throws(CatalogError) -> [(number: Int64, stored: Stored<ParkedEntry>)] {
        var found: [(number: Int64, stored: Stored<ParkedEntry>)] = []
        for sequence in sequences {
            if let entry = try await get(TransferKeys.parked(id, number, sequence), as: ParkedEntry.self) {
                found.append((sequence, entry))
            }
        }
        return found
    }

    /// The numbers of a partition that are marked for replay with the marks' revisions, from `first` on, at most `limit`.
    func marked(
        _ id: TransferTaskID, _ number: PartitionNumber, from first: Int64, limit: Int
    ) async throws(CatalogError) -> [Int64: Int64] {
        let after = first > 0 ? TransferKeys.mark(id, number, first - 1) : nil
        let page = try await catalog.list(prefix: TransferKeys.marks(id, number), after: after, limit: limit)
        var found: [Int64: Int64] = [:]
        for entry in page {
            if let sequence = Int64(entry.key.text.suffix(19)) { found[sequence] = entry.revision }
        }
        return found
    }

    /// The data of a parked record; nil when it is parked no more.
    func parkedData(
        _ id: TransferTaskID, _ number: PartitionNumber, _ sequence: Int64
    ) async throws(CatalogError) -> [UInt8]? {
        try await catalog.get(TransferKeys.parkedData(id, number, sequence))?.value
    }

    /// The data of a record that nobody else can have settled.
    func requiredParkedData(
        _ id: TransferTaskID, _ number: PartitionNumber, _ sequence: Int64
    ) async throws(CatalogError) -> [UInt8] {
        if let data = try await parkedData(id, number, sequence) { return data }
        throw CatalogError(
            .damaged, key: TransferKeys.parkedData(id, number, sequence), "the data of a parked record are missing")
    }
}

/// Parked records of one partition as a source, in the order of their numbers.
struct ParkedReader: RecordSource {
    private static let portionBytes = ByteCount.mebibytes(1).bytes
    private static let portionCount = 256

    let store: TransferStore
    let task: TransferTaskID
    let partition: PartitionNumber
    /// The number to go on with.
    var position: Int64
    let last: Int64
    var selection = RecordSelection.all

    mutating func next() async throws -> RecordPortion? {
        let entries = try await store.parked(task, partition, from: position, to: last, limit: Self.portionCount)
        var builder = RecordBatchBuilder()
        var numbers: [Int64] = []
        for (number, stored) in entries where builder.bytes.count < Self.portionBytes {
            builder.append(
                data: try await store.requiredParkedData(task, partition, number),
                timestamp: Timestamp(milliseconds: stored.record.timestamp))
            numbers.append(number)
            position = number + 1
        }
        return builder.finish().map { RecordPortion(parts: [.numbered($0, numbers)], selection: selection) }
    }
}

internal import SluiceCatalog
internal import SluiceCore

/// One delivered object. Kept under three keys, so that each question is one range read:
/// by partition and *last* number (where is record N: the first entry at or after N), by object, and by time. Entries of
/// replays lie among them, and each of their records has a pointer of its own.
struct DeliveryRecord: TransferRecord, Equatable {
    var object: String
    var partition: Int
    var first: Int64
    var last: Int64
    var records: Int
    var bytes: Int
    var crc32c: UInt32
    var deliveredAt: Int64
    /// The first number of the delivery that this object was part of: no object of it holds anything earlier.
    var deliveryFirst: Int64
    /// The records as runs of consecutive numbers: gap to the run before, length, gap, length, …, the first gap counted
    /// from `first`. Nil when all numbers of the range are in the object.
    var runs: [Int]?
    /// The number of the form it was delivered in; nil for an older version's delivery.
    var form: Int?
    /// The store that it was written to; nil for an older version's delivery.
    var place: String?
    /// The number of the replay that made it; nil for deliveries of a range.
    var replay: Int?

    func holds(_ number: Int64) -> Bool {
        guard number >= first, number <= last else { return false }
        return runs.map { RecordRuns($0, from: first).holds(number) } ?? true
    }
}

/// Points from an object or a moment to the entry of the delivery.
struct DeliveryPointer: TransferRecord, Equatable {
    var partition: Int
    var last: Int64
    var replay: Int?
}

extension TransferKeys {
    static func ledger(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "ledger", id.text, trailingSlash: true)
    }

    static func deliveries(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "ledger", id.text, "p", trailingSlash: true)
    }

    static func deliveries(_ id: TransferTaskID, _ number: PartitionNumber) -> CatalogKey {
        CatalogKey("transfer", "ledger", id.text, "p", padded(number), trailingSlash: true)
    }

    /// - Parameter replay: replays overlap with other deliveries, so that their number is part of the key.
    static func delivery(
        _ id: TransferTaskID, _ number: PartitionNumber, last: SequenceNumber, replay: Int? = nil
    ) -> CatalogKey {
        let key = CatalogKey("transfer", "ledger", id.text, "p", padded(number), padded(last))
        return replay.map { CatalogKey(key.text + "/" + $0.padded(to: 10)) } ?? key
    }

    /// Where a replayed record went.
    static func replayed(_ id: TransferTaskID, _ number: PartitionNumber, _ sequence: Int64) -> CatalogKey {
        CatalogKey("transfer", "ledger", id.text, "n", padded(number), padded(SequenceNumber(sequence)))
    }

    static func deliveryObjects(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "ledger", id.text, "o", trailingSlash: true)
    }

    /// The object's slashes stay: the key's last part is all that follows.
    static func deliveryObject(_ id: TransferTaskID, _ object: String) -> CatalogKey {
        CatalogKey(deliveryObjects(id).text + object)
    }

    static func deliveryTimes(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "ledger", id.text, "t", trailingSlash: true)
    }

    static func deliveryTime(
        _ id: TransferTaskID, _ time: Timestamp, _ number: PartitionNumber, last: SequenceNumber, replay: Int?
    ) -> CatalogKey {
        let key = CatalogKey(
            "transfer", "ledger", id.text, "t", time.milliseconds.padded(to: 16), padded(number),
            padded(last))
        return replay.map { CatalogKey(key.text + "/" + $0.padded(to: 10)) } ?? key
    }

    /// All that the ledger keeps of one delivered object.
    static func changes(adding delivery: DeliveryRecord, to id: TransferTaskID) throws(CatalogError) -> [CatalogChange]
    {
        let number = PartitionNumber(delivery.partition)
        let last = SequenceNumber(delivery.last)
        let replay = delivery.replay
        let pointer = DeliveryPointer(partition: delivery.partition, last: delivery.last, replay: replay)
        let time = Timestamp(milliseconds: delivery.deliveredAt)
        return [
            try TransferStore.put(
                Self.delivery(id, number, last: last, replay: replay), delivery, expecting: .absent),
            try TransferStore.put(Self.deliveryObject(id, delivery.object), pointer),
            try TransferStore.put(Self.deliveryTime(id, time, number, last: last, replay: replay), pointer),
        ]
    }
}

extension TransferStore {
    /// The entry that a pointer means.
    func delivery(_ pointer: DeliveryPointer, of id: TransferTaskID) async throws(CatalogError) -> DeliveryRecord? {
        let key = TransferKeys.delivery(
            id, PartitionNumber(pointer.partition), last: SequenceNumber(pointer.last), replay: pointer.replay)
        return try await get(key, as: DeliveryRecord.self)?.record
    }
}

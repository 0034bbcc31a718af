internal import SluiceCatalog
internal import SluiceCore

/// A task's replays of parked records: how many there were, and the one that has been decided and not concluded.
struct ReplayRecord: TransferRecord, Equatable {
    /// The number of the last replay; it is part of its objects' names.
    var number: Int
    var plan: Plan?

    /// After a crash exactly these records go to exactly these keys, in exactly this form.
    struct Plan: Codable, Sendable, Equatable {
        var partition: Int
        /// The number of the form.
        var form: Int
        /// When it was decided: the time of directories that records do not name themselves.
        var generatedAt: Int64
        var objects: [Object]
        /// The store that they are written to; nil where an older version has planned the replay.
        var place: String?
        /// Stores where it was begun before.
        var formerPlaces: [String]?
    }

    struct Object: Codable, Sendable, Equatable {
        var key: String
        /// Ascending.
        var numbers: [Int64]
    }

    /// One replay takes at most so many records, and so many bytes of their data unless one has more.
    static let recordsMax = 1000
    static let bytesMax = ByteCount.mebibytes(8).bytes
}

extension TransferKeys {
    static func replay(_ id: TransferTaskID) -> CatalogKey { CatalogKey("transfer", "replay", id.text) }
}

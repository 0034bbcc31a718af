internal import SluiceCatalog
internal import SluiceCore

/// A value that stands in the catalog as JSON.
protocol TransferRecord: Codable, Sendable {}

/// The keys under which transfer tasks keep their state. Numbers are padded so that byte order is their order.
enum TransferKeys {
    static let root = CatalogKey("transfer/")
    static let streams = CatalogKey("transfer/stream/")

    static func stream(_ id: StreamID) -> CatalogKey { CatalogKey("transfer", "stream", id.text) }
    static let removals = CatalogKey("transfer/removed/")
    static func removal(_ id: TransferTaskID) -> CatalogKey { CatalogKey("transfer", "removed", id.text) }
    static let tasks = CatalogKey("transfer/task/")
    static func task(_ id: TransferTaskID) -> CatalogKey { CatalogKey("transfer", "task", id.text) }
    static func names(_ stream: StreamName, _ task: String) -> CatalogKey {
        CatalogKey("transfer", "name", stream.text, task, trailingSlash: true)
    }

    static func name(_ task: TransferTask) -> CatalogKey {
        CatalogKey(names(task.streamName, task.name).text + task.id.text)
    }

    static func status(_ id: TransferTaskID) -> CatalogKey { CatalogKey("transfer", "status", id.text) }
    static func owner(_ id: TransferTaskID) -> CatalogKey { CatalogKey("transfer", "owner", id.text) }

    static let progress = CatalogKey("transfer/progress/")

    static func progress(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "progress", id.text, trailingSlash: true)
    }

    static func progress(_ id: TransferTaskID, _ number: PartitionNumber) -> CatalogKey {
        CatalogKey("transfer", "progress", id.text, padded(number))
    }

    static func intents(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "intent", id.text, trailingSlash: true)
    }

    static func intent(_ id: TransferTaskID, _ number: PartitionNumber) -> CatalogKey {
        CatalogKey("transfer", "intent", id.text, padded(number))
    }

    static func padded(_ number: PartitionNumber) -> String { number.value.padded(to: 10) }
    static func padded(_ number: SequenceNumber) -> String { number.value.padded(to: 19) }

}

/// The tasks of one stream: each create and delete rewrites it, which makes names unique and the quota hold.
struct StreamTasksRecord: TransferRecord {
    struct Member: Codable, Sendable {
        var id: String
        var name: String
    }

    var project: String
    var tasks: [Member]
}

struct TaskRecord: TransferRecord {
    var id: String
    var name: String
    var project: String
    var stream: String
    var streamName: String
    var createdAt: Int64
    var descriptor: OBSDescriptor
    /// Absent in records of tasks that were made before it was kept: they fall back as they did.
    var hasDestination: Bool?
}

/// A living task among those of equal names, which streams of several projects may have.
struct TaskNameRecord: TransferRecord {
    var bucket: String
    var createdAt: Int64
}

struct StatusRecord: TransferRecord {
    var state: TaskState
    var reason: String
}

/// Who may write for the task. Each claim, stop, update and delete raises the epoch, and every write of a runner
/// depends on the very revision it claimed: a runner that lost the task can change nothing any more.
struct OwnerRecord: TransferRecord {
    var epoch: Int64
    /// A random word of the claimant, so that it recognises its own claim.
    var claim: String
}

/// How far a partition has been delivered.
struct ProgressRecord: TransferRecord, Equatable {
    /// The next number to deliver.
    var next: Int64
    var lastTransferAt: Int64?
    /// -1 before the first delivery.
    var lastDelivered: Int64 = -1
    /// Records past retention before they could be delivered.
    var discarded = 0
    var delivered = 0
    /// Records ever parked; those replayed or discarded since are counted in `SettledRecord`.
    var parked = 0
    /// Bytes of the data of all records ever parked; nil before the first.
    var parkedBytes: Int?
    /// Where the task began; nil where an older version has begun it.
    var start: Int64?
    /// Bytes of all objects delivered; nil before the first.
    var deliveredBytes: Int?

    /// A partition's position before the first delivery.
    static func beginning(at start: Int64) -> ProgressRecord {
        ProgressRecord(next: start, start: start)
    }
}

/// A delivery that has been decided: after a crash exactly this range goes to exactly these keys, in exactly this form.
struct IntentRecord: TransferRecord, Equatable {
    struct Object: Codable, Sendable, Equatable {
        var key: String
        var first: Int64
        var last: Int64
        var records: Int
        /// The directory whose records it holds; nil when it holds all of its range.
        var directory: String?
        /// What its records take in memory, where several objects share a range.
        var bytes: Int?
        /// Which numbers of its range belong to its directory: gap, length, gap, length, … Nil where all do, or where
        /// there are too many runs to note them.
        var runs: [Int]?
    }

    var epoch: Int64
    var first: Int64
    var last: Int64
    /// When the delivery was decided: the time of directories that records do not name themselves.
    var generatedAt: Int64
    var objects: [Object]
    /// The number of the form it is delivered in; an update of the task counts from the next delivery.
    var form: Int?
    /// Where records that do not convert go; nil where all do.
    var errorObject: String?
    /// The store that its objects are written to; nil where an older version has planned the delivery.
    var place: String?
    /// Stores where it was begun before, which may hold some of its objects.
    var formerPlaces: [String]?
    /// The destination as it was then, where an older version has planned the delivery.
    var descriptor: OBSDescriptor?
}

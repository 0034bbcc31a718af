internal import SluiceCatalog
internal import SluiceCore
internal import Synchronization

struct DumpLogRecord: TransferRecord, Equatable {
    /// Counts all entries of the task from 0.
    var number: Int
    var startedAt: Int64
    var endedAt: Int64
    var state: DumpLogEntry.State
    var records: Int
    var bytes: Int
    var object: String
    var message: String
}

extension TransferKeys {
    static func dumpLog(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "log", id.text, trailingSlash: true)
    }
}

/// The last entries of a task's dump log: a ring of keys, so that a new entry replaces the oldest.
final class DumpLog: Sendable {
    private let task: TransferTaskID
    private let capacity: Int
    private let count: Mutex<Int>

    private init(task: TransferTaskID, capacity: Int, count: Int) {
        self.task = task
        self.capacity = capacity
        self.count = Mutex(count)
    }

    /// Goes on where the stored entries end.
    static func resume(_ task: TransferTaskID, in services: TransferServices) async throws -> DumpLog {
        let stored = try await services.store.all(under: TransferKeys.dumpLog(task), as: DumpLogRecord.self)
        let count = stored.map { $0.record.number + 1 }.max() ?? 0
        return DumpLog(task: task, capacity: max(1, services.settings.dumpLogEntries), count: count)
    }

    /// The change that adds an entry; a number whose commit fails is not used again.
    func adding(
        from start: Timestamp, to end: Timestamp, _ state: DumpLogEntry.State, records: Int, bytes: Int, object: String,
        message: String = ""
    ) throws(CatalogError) -> CatalogChange {
        let number = count.withLock { count in
            defer { count += 1 }
            return count
        }
        let record = DumpLogRecord(
            number: number, startedAt: start.milliseconds, endedAt: end.milliseconds, state: state, records: records,
            bytes: bytes, object: object, message: message)
        let key = CatalogKey(TransferKeys.dumpLog(task).text + (number % capacity).padded(to: 4))
        return try TransferStore.put(key, record)
    }
}

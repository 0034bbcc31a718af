internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// Delivered objects stay: no delivery takes the name of an object that another task has delivered, whether that task
/// lives in another project, is gone with its stream, or belonged to another server.
///
/// Within a task names never repeat, so that an object which has a planned name before the intent is stored belongs to
/// somebody else. Living tasks of equal names are told apart by their entries in the catalog, because a look at the
/// bucket could come before the other's write.
extension PartitionRunner {
    /// Looks at the bucket at once.
    private static let looksMax = 8

    /// The planned objects, with the task's id in the names that others have.
    func named(
        _ objects: [IntentRecord.Object], in sink: any ObjectSink
    ) async throws -> [IntentRecord.Object] {
        let isShared = try await sharesItsNames()
        var named: [IntentRecord.Object] = []
        named.reserveCapacity(objects.count)
        for start in stride(from: 0, to: objects.count, by: Self.looksMax) {
            let group = objects[start..<min(start + Self.looksMax, objects.count)]
            let taken =
                isShared
                ? Set(group.map(\.key)) : try await Self.taken(atOnce: group.map(\.key), in: sink, unlessSure: true)
            for object in group {
                var object = object
                if taken.contains(object.key) { object.key = ObjectName.distinguished(object.key, by: task.id) }
                named.append(object)
            }
        }
        return named
    }

    /// Those of the keys that the bucket has an object of.
    /// - Throws: `accessDenied` where the bucket does not tell.
    static func taken(_ keys: [String], in sink: any ObjectSink) async throws -> Set<String> {
        var found: Set<String> = []
        for start in stride(from: 0, to: keys.count, by: looksMax) {
            let group = Array(keys[start...].prefix(looksMax))
            found.formUnion(try await taken(atOnce: group, in: sink, unlessSure: false))
        }
        return found
    }

    /// - Parameter unlessSure: whether keys count as taken of which the bucket does not tell.
    private static func taken(
        atOnce keys: [String], in sink: any ObjectSink, unlessSure: Bool
    ) async throws -> Set<String> {
        try await withThrowingTaskGroup(of: String?.self) { group in
            for key in keys {
                group.addTask {
                    do {
                        return try await sink.holds(key) ? key : nil
                    } catch let error as SinkError where error.code == .accessDenied && unlessSure {
                        // Who may not know takes a name that is surely free; a write that is denied, too, says so.
                        return key
                    }
                }
            }
            var taken: Set<String> = []
            for try await key in group { if let key { taken.insert(key) } }
            return taken
        }
    }

    /// Whether an older task of equal names delivers to a bucket of the same name.
    private func sharesItsNames() async throws -> Bool {
        let own = TransferKeys.name(task)
        let mine = task.nameRecord(destination)
        for (key, other) in try await services.store.all(
            under: TransferKeys.names(task.streamName, task.name), as: TaskNameRecord.self)
        where key != own && other.bucket == mine.bucket {
            if (other.createdAt, key) < (mine.createdAt, own) { return true }
        }
        return false
    }
}

extension TransferTask {
    func nameRecord(_ destination: OBSDestination) -> TaskNameRecord {
        TaskNameRecord(bucket: destination.bucket, createdAt: createdAt.milliseconds)
    }
}

internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// Lists where a task delivers to, and looks each name of its form up in the ledger.
///
/// Objects that are older than the task, by the whole seconds that stores tell, belong to a former one of its names;
/// those of living tasks that make the same names are in their ledgers; those that are being written are in an intent.
struct StrangerFinder: Sendable {
    /// Objects that are listed at once; a store may give fewer.
    private static let listedMax = 1000
    /// A page ends after so much time.
    private static let slice = Duration.seconds(2)

    let services: TransferServices
    let task: TransferTask
    let partition: PartitionNumber?

    /// One listing: a bucket of a form, below a prefix.
    private struct Scope: Sendable {
        let form: DeliveryForm
        let destination: OBSDestination
        let prefix: String
    }

    /// The next strangers, at most `limit`.
    /// - Parameter after: number of the scope and the last key that was looked at, as a page gave them.
    func page(after: (scope: Int, key: String)?, limit: Int) async throws -> StrangerPage {
        let scopes = try await scopes()
        let begun = services.time.elapsed()
        var page = StrangerPage()
        var position: String? = after.flatMap { $0.key.isEmpty ? nil : $0.key }
        var index = after?.scope ?? 0
        while index < scopes.count {
            let scope = scopes[index]
            let listed: ObjectListing
            do {
                let sink = try services.sink(of: task, scope.form, scope.destination)
                listed = try await sink.list(below: scope.prefix, after: position, limit: Self.listedMax)
            } catch {
                if error.code == .cancelled { throw CancellationError() }
                page.message = error.message
                return page
            }
            // Looked for after the listing, so that whoever has written an object of it is there.
            var others: Others?
            for object in listed.objects {
                position = object.key
                guard let found = try await stranger(object, in: scope, &others) else { continue }
                page.strangers.append(found)
                if page.strangers.count == limit { break }
            }
            let isOver = !listed.hasMore && position == listed.objects.last?.key
            if isOver || (listed.objects.isEmpty && !listed.hasMore) {
                index += 1
                position = nil
            }
            guard index < scopes.count else { break }
            if page.strangers.count >= limit || services.time.elapsed() - begun >= Self.slice {
                page.next = "\(index)/\(position ?? "")"
                return page
            }
        }
        return page
    }

    /// Where the task has delivered to in any of its forms, each place once.
    private func scopes() async throws -> [Scope] {
        var scopes: [Scope] = []
        for (_, form) in try await services.store.all(under: TransferKeys.forms(task.id), as: DeliveryForm.self) {
            let destination = try form.destination()
            let base = destination.filePrefix.split(separator: "/").map { $0 + "/" }.joined()
            // Without directories of time the names themselves can be listed.
            let prefix = destination.directory == .none ? base + ObjectName.beginning(of: task) : base
            let isKnown = scopes.contains { other in
                other.destination.agency == destination.agency && other.destination.bucket == destination.bucket
                    && prefix.hasPrefix(other.prefix)
            }
            if !isKnown { scopes.append(Scope(form: form, destination: destination, prefix: prefix)) }
        }
        return scopes
    }

    /// Who may have written an object besides those whose ledgers know it.
    private struct Others: Sendable {
        /// Living tasks whose objects have the same names.
        var namesakes: [TransferTaskID] = []
        /// Objects that the task or one of these is writing.
        var planned: Set<String> = []
    }

    private func stranger(
        _ object: ListedObject, in scope: Scope, _ others: inout Others?
    ) async throws -> Stranger? {
        guard object.modifiedAt.seconds >= task.createdAt.seconds,
            let number = ObjectName.partition(in: object.key, of: task),
            partition == nil || partition == number
        else { return nil }
        if try await isDelivered(object.key, by: task.id) { return nil }
        let known: Others
        if let others { known = others } else { known = try await self.others() }
        others = known
        if known.planned.contains(object.key) { return nil }
        // Its delivery may have been concluded between the two looks.
        for id in [task.id] + known.namesakes where try await isDelivered(object.key, by: id) { return nil }
        return Stranger(object: object.key, partition: number, bytes: object.length, modifiedAt: object.modifiedAt)
    }

    private func others() async throws -> Others {
        let own = ObjectName.beginning(of: task)
        var others = Others()
        others.namesakes = try await services.store.all(under: TransferKeys.tasks, as: TaskRecord.self)
            .compactMap { TransferTask($0.record) }
            .filter { $0.id != task.id && ObjectName.beginning(of: $0) == own }.map(\.id)
        for id in [task.id] + others.namesakes {
            for (_, intent) in try await services.store.all(under: TransferKeys.intents(id), as: IntentRecord.self) {
                others.planned.formUnion(intent.objects.map(\.key))
            }
            let replay = try await services.store.get(TransferKeys.replay(id), as: ReplayRecord.self)
            others.planned.formUnion(replay?.record.plan?.objects.map(\.key) ?? [])
        }
        return others
    }

    private func isDelivered(_ key: String, by id: TransferTaskID) async throws -> Bool {
        try await services.store.catalog.get(TransferKeys.deliveryObject(id, key)) != nil
    }
}

extension ObjectName {
    /// What the names of a task's objects begin with, behind prefix and directory.
    static func beginning(of task: TransferTask) -> String { "\(task.streamName)_\(task.name)_" }

    /// The partition in the name of a delivered object, where the key is one that the task may have made: directories
    /// of digits at most between any prefix and the name. Nil for all else, the error directory included.
    static func partition(in key: String, of task: TransferTask) -> PartitionNumber? {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.last, name.hasPrefix(beginning(of: task)), !parts.dropLast().contains("error") else {
            return nil
        }
        let rest = name.dropFirst(beginning(of: task).count)
        let dot = rest.firstIndex(of: ".") ?? rest.endIndex
        guard ["txt", "csv", "parquet", "txt.gz", "csv.gz"].contains(rest[dot...].dropFirst()) else { return nil }
        // partition, first number, count, then the number of a replay and the beginning of the task's id where given
        let words = rest[..<dot].split(separator: "_", omittingEmptySubsequences: false)
        guard (3...5).contains(words.count), words[1].utf8.count == 20, Int64(words[1]) != nil, Int(words[2]) != nil
        else { return nil }
        return PartitionNumber(parsing: String(words[0]))
    }
}

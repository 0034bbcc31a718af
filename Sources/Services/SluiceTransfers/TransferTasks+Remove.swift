internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// A task that was deleted and of which something is left to clear away. Nobody finds the task any more.
struct RemovalRecord: TransferRecord {
    var removedAt: Int64
}

extension TransferTasks {
    /// One commit clears at most so many entries of a kind, and so many bytes unless one entry has more: others wait for
    /// the catalog no longer than that takes.
    static let clearedAtOnce = 500
    private static let clearedBytes = ByteCount.mebibytes(4).bytes

    /// Forgets all tasks of a stream that is no more; delivered objects stay.
    func removeAll(of stream: StreamID) async throws(TransferError) {
        try await lock.withLock(stream.text) { () async throws(TransferError) in
            guard let tasks = try await members(of: stream) else { return }
            let ids = tasks.record.tasks.map { TransferTaskID($0.id) }
            var records: [TaskRecord] = []
            for id in ids {
                let found = try await get(TransferKeys.task(id), as: TaskRecord.self)
                if let found { records.append(found.record) }
            }
            var changes: [CatalogChange] = [.delete(TransferKeys.stream(stream))]
            for id in ids { changes += try await removal(of: id) }
            try await commit(changes)
            for id in ids { await board.halt(.task(id)) }
            for task in records.compactMap(TransferTask.init) where await !isSucceeded(task) {
                TransferMetrics.forget(task, in: services.metrics)
            }
            await clearWhatIsSmall(ids)
        }
    }

    /// Whether a task of a new stream counts already where this one did: both may have been made again under their names.
    private func isSucceeded(_ task: TransferTask) async -> Bool {
        let names = TransferKeys.names(task.streamName, task.name)
        for (key, _) in (try? await services.store.all(under: names, as: TaskNameRecord.self)) ?? [] {
            let other = try? await self.task(TransferTaskID(String(key.text.dropFirst(names.text.count))))
            if other?.project == task.project { return true }
        }
        return false
    }

    /// The changes after which a task is no more: its name is free, and no runner can store anything for it. What grows
    /// with its work is cleared away afterwards, bit by bit.
    func removal(of id: TransferTaskID) async throws(TransferError) -> [CatalogChange] {
        let task = try await get(TransferKeys.task(id), as: TaskRecord.self).flatMap { TransferTask($0.record) }
        return (task.map { [.delete(TransferKeys.name($0))] } ?? []) + [
            .delete(TransferKeys.task(id)), .delete(TransferKeys.status(id)), .delete(TransferKeys.owner(id)),
            .deleteAll(prefix: TransferKeys.progress(id)), .deleteAll(prefix: TransferKeys.intents(id)),
            .deleteAll(prefix: TransferKeys.forms(id)), .deleteAll(prefix: TransferKeys.dumpLog(id)),
            .delete(TransferKeys.replay(id)),
            try put(TransferKeys.removal(id), RemovalRecord(removedAt: services.time.now().milliseconds)),
        ]
    }

    /// What grows with a task's work. Parked records go first: marks and counts are only added while they are there.
    private static func remains(of id: TransferTaskID) -> [CatalogKey] {
        [
            TransferKeys.parked(id), TransferKeys.marks(id), TransferKeys.settled(id), TransferKeys.parkedData(id),
            TransferKeys.ledger(id),
        ]
    }

    /// Clears away at once what takes one commit; the background does the rest.
    func clearWhatIsSmall(_ ids: [TransferTaskID]) async {
        do {
            for id in ids {
                try await services.store.catalog.commit(Self.remains(of: id).map(Self.clearing))
                var isClear = true
                for prefix in Self.remains(of: id) where isClear { isClear = try await isEmpty(prefix) }
                if isClear { try await services.store.catalog.commit([.delete(TransferKeys.removal(id))]) }
            }
        } catch {
            services.logger.debug("a deleted task is cleared away later", ["error": "\(error)"])
        }
        remainsBell.ring()
    }

    /// Clears away what deleted tasks have left, also those of an earlier life, until it is cancelled.
    func clearRemains() async {
        var pauses = RetryPauses(services.settings)
        while !Task.isCancelled {
            do {
                let bell = remainsBell.next
                while let removed = try await firstRemoved() {
                    for prefix in Self.remains(of: removed) {
                        while try await !isEmpty(prefix) {
                            try Task.checkCancellation()
                            try await services.store.catalog.commit([Self.clearing(prefix)])
                        }
                    }
                    try await services.store.catalog.commit([.delete(TransferKeys.removal(removed))])
                    pauses.reset()
                }
                await bell.wait()
            } catch {
                if Task.isCancelled { return }
                services.logger.warning("a deleted task could not be cleared away", ["error": "\(error)"])
                do { try await services.time.sleep(for: pauses.next()) } catch { return }
            }
        }
    }

    private func firstRemoved() async throws(CatalogError) -> TransferTaskID? {
        try await services.store.catalog.list(prefix: TransferKeys.removals, after: nil, limit: 1).first.map {
            TransferTaskID(String($0.key.text.dropFirst(TransferKeys.removals.text.count)))
        }
    }

    private func isEmpty(_ prefix: CatalogKey) async throws(CatalogError) -> Bool {
        do {
            return try await services.store.catalog.list(prefix: prefix, after: nil, limit: 1).isEmpty
        } catch {
            // What does not read can be cleared away all the same.
            guard error.code == .damaged else { throw error }
            return false
        }
    }

    private static func clearing(_ prefix: CatalogKey) -> CatalogChange {
        .deleteFirst(prefix: prefix, entries: clearedAtOnce, bytes: clearedBytes)
    }
}

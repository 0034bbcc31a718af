package import Observability
package import SluiceCatalog
package import SluiceCore
package import SluicePorts

/// Transfer tasks: created, listed, started and stopped by their users, and delivered in the background.
///
/// `run()` is the background; without it the operations work all the same and nothing is delivered. Operations on the
/// tasks of one stream happen one after the other. What an operation has answered is stored.
package final class TransferTasks: Sendable {
    let services: TransferServices
    let board = RunnerBoard()
    let lock = KeyedLock()
    /// One verification reads objects at a time.
    let verificationGate = SerialGate()
    /// Rings when a deleted task has left something to clear away.
    let remainsBell = Bell()
    let lagReader: LagReader
    private let lagFigures: LagFigures

    package init(
        catalog: any Catalog, log: any RecordLog, streams: any StreamLookup, sinks: any ObjectSinkProvider,
        time: any TimeSource, settings: TransferSettings = TransferSettings(), logger: Logger = .silent,
        metrics: MetricsRegistry = MetricsRegistry(), identifiers: IdentifierGenerator = IdentifierGenerator()
    ) {
        services = TransferServices(
            store: TransferStore(catalog: catalog), log: log, streams: streams, sinks: sinks, time: time,
            settings: settings, logger: logger, metrics: metrics, identifiers: identifiers,
            memory: SharedMemory(total: settings.memoryTotal.bytes))
        lagReader = LagReader(log: log)
        lagFigures = LagFigures(services, reader: lagReader)
        lagFigures.publish(to: metrics)
    }

    /// Takes up every task that was active and delivers until the calling task is cancelled.
    /// - Throws: the catalog's error when the tasks cannot be read at the start.
    package func run() async throws {
        board.open()
        defer { board.close() }
        // One that keeps nothing of jobs that have ended: there is no bound to how many there are in a server's life.
        try await withThrowingDiscardingTaskGroup { group in
            try await adoptAll()
            group.addTask { await self.clearRemains() }
            while let entry = await board.next() {
                group.addTask { await self.carryOut(entry) }
            }
            board.close()
            group.cancelAll()
        }
    }

    /// The time by which ages count.
    package var now: Timestamp { services.time.now() }

    /// How many background jobs there are now.
    package var jobCount: Int { board.count }

    private func carryOut(_ entry: RunnerBoard.Entry) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                switch entry.job {
                case .task(let id):
                    await TaskRunner(services: self.services, id: id, entry: entry).run()
                case .watch(let stream): await self.watch(stream)
                }
            }
            group.addTask { await entry.stop.wait() }
            await group.next()
            group.cancelAll()
        }
        board.finish(entry)
    }

    /// After a restart: active tasks begin again from their stored positions, the others stay as they are.
    private func adoptAll() async throws {
        let store = services.store
        for (key, record) in try await store.all(under: TransferKeys.streams, as: StreamTasksRecord.self) {
            let stream = StreamID(String(key.text.dropFirst(TransferKeys.streams.text.count)))
            board.launch(.watch(stream))
            for member in record.tasks {
                let id = TransferTaskID(member.id)
                guard let status = try await store.get(TransferKeys.status(id), as: StatusRecord.self) else { continue }
                let state = status.record.state.after(.restart)
                guard state.isActive else { continue }
                if state != status.record.state {
                    let restarted = StatusRecord(state: state, reason: "")
                    do {
                        try await store.catalog.commit([
                            try TransferStore.put(
                                TransferKeys.status(id), restarted, expecting: .revision(status.revision))
                        ])
                    } catch let error {
                        // On a conflict another node stopped or started it in this moment: the runner will see.
                        if error.code != .conflict { throw error }
                    }
                }
                board.launch(.task(id))
            }
        }
    }

    /// Ends the stream's tasks when the stream is deleted.
    private func watch(_ stream: StreamID) async {
        var pauses = RetryPauses(services.settings)
        while !Task.isCancelled {
            do {
                var current = try await services.streams.describe(stream)
                while let description = current {
                    current = try await services.streams.waitForChange(of: stream, since: description.version)
                }
                try await removeAll(of: stream)
                return
            } catch {
                if Task.isCancelled { return }
                services.logger.warning(
                    "the tasks of a stream could not be watched", ["stream": stream.text, "error": "\(error)"])
                do { try await services.time.sleep(for: pauses.next()) } catch { return }
            }
        }
    }

    // MARK: What the operations share

    func stream(_ reference: String, in project: ProjectID) async throws(TransferError) -> StreamDescription {
        let found: StreamDescription?
        do {
            found = try await services.streams.describe(reference, in: project)
        } catch {
            throw TransferError(.unavailable, error.message)
        }
        guard let found else { throw TransferError(.streamNotFound, "[\(reference)][\(project)]") }
        return found
    }

    func members(of stream: StreamID) async throws(TransferError) -> TransferStore.Stored<StreamTasksRecord>? {
        try await get(TransferKeys.stream(stream), as: StreamTasksRecord.self)
    }

    func get<Record: TransferRecord>(
        _ key: CatalogKey, as type: Record.Type
    ) async throws(TransferError) -> TransferStore.Stored<Record>? {
        do {
            return try await services.store.get(key, as: type)
        } catch {
            throw TransferError(error)
        }
    }

    func put(
        _ key: CatalogKey, _ record: some TransferRecord, expecting: CatalogExpectation = .anything
    ) throws(TransferError) -> CatalogChange {
        do {
            return try TransferStore.put(key, record, expecting: expecting)
        } catch {
            throw TransferError(error)
        }
    }

    func commit(_ changes: [CatalogChange]) async throws(TransferError) {
        do {
            try await services.store.catalog.commit(changes)
        } catch {
            throw TransferError(error)
        }
    }

    /// The task of that id or name among the stream's.
    static func find(_ reference: String, among members: [StreamTasksRecord.Member]) -> TransferTaskID? {
        (members.first { $0.id == reference } ?? members.first { $0.name == reference }).map { TransferTaskID($0.id) }
    }

    func task(_ id: TransferTaskID) async throws(TransferError) -> TransferTask {
        guard let record = try await get(TransferKeys.task(id), as: TaskRecord.self)?.record else {
            throw TransferError(.taskNotFound, "[\(id)]")
        }
        guard let task = TransferTask(record) else {
            throw TransferError(.damaged, "the names of task \(id) are not valid")
        }
        return task
    }
}

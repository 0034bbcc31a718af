internal import Observability
internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// Creates a task that delivers to OBS; it runs when this returns.
    /// - Throws: `streamNotFound`, `invalidRequest`, `taskExists`, `quotaExceeded`, `bucketNotFound`,
    ///   `destinationFailed`, `invalidAgency`, `unavailable`.
    @discardableResult
    package func create(
        _ descriptor: OBSDescriptor, on reference: String, in project: ProjectID
    ) async throws(TransferError) -> TransferTaskSummary {
        let asked = try await self.stream(reference, in: project)
        let destination = try validate(descriptor, for: asked)
        // Before the lock, because a slow destination must not keep others from stopping the stream's tasks.
        try Self.checkRoom(for: destination, among: try await members(of: asked.id)?.record.tasks ?? [])
        let hasDestination = try await reach(destination, in: project)
        // Meanwhile the stream may have got partitions, or been deleted.
        let stream = try await self.stream(asked.id.text, in: project)
        return try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            let members = try await self.members(of: stream.id)
            let tasks = members?.record.tasks ?? []
            try Self.checkRoom(for: destination, among: tasks)

            let id = TransferTaskID(services.identifiers.next())
            let task = TransferTask(
                id: id, name: destination.taskName, project: project, stream: stream.id, streamName: stream.name,
                createdAt: services.time.now(), descriptor: destination.descriptor, hasDestination: hasDestination)
            var changes = [
                try put(
                    TransferKeys.stream(stream.id),
                    StreamTasksRecord(project: project.text, tasks: tasks + [.init(id: id.text, name: task.name)]),
                    expecting: members.map { .revision($0.revision) } ?? .absent),
                try put(TransferKeys.task(id), task.record, expecting: .absent),
                try put(TransferKeys.name(task), task.nameRecord(destination)),
                try put(
                    TransferKeys.status(id), StatusRecord(state: TaskState.starting.after(.prepared), reason: "")),
            ]
            for partition in stream.partitions {
                let id = PartitionID(stream: stream.id, number: partition.number)
                guard let bounds = try self.bounds(of: id) else { continue }
                let next = destination.strategy == .latest ? bounds.next : max(bounds.first, partition.earliest)
                changes.append(
                    try put(TransferKeys.progress(task.id, partition.number), ProgressRecord.beginning(at: next.value)))
            }
            try await commit(changes)
            services.logger.info("transfer task created", ["task": task.name, "stream": stream.name.text])
            board.launch(.watch(stream.id))
            board.launch(.task(id))
            return TransferTaskSummary(task: task, state: .running, reason: "", lastTransferAt: nil)
        }
    }

    /// Gives a task new settings; it goes on from its positions in the state it has. Name and strategy stay.
    package func update(
        _ descriptor: OBSDescriptor, on reference: String, in project: ProjectID
    ) async throws(TransferError) {
        let stream = try await stream(reference, in: project)
        let destination = try validate(descriptor, for: stream)
        _ = try await named(destination.taskName, on: stream)
        let hasDestination = try await reach(destination, in: project)
        try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            let id = try await named(destination.taskName, on: stream)
            let task = try await task(id)
            var kept = destination.descriptor
            kept.consumerStrategy = task.descriptor.consumerStrategy
            let updated = TransferTask(
                id: id, name: task.name, project: project, stream: stream.id, streamName: stream.name,
                createdAt: task.createdAt, descriptor: kept, hasDestination: hasDestination)
            try await commit([
                try put(TransferKeys.task(id), updated.record, expecting: .present),
                try put(TransferKeys.name(updated), updated.nameRecord(destination)), try await revocation(of: id),
            ])
            await board.halt(.task(id))
            if try await get(TransferKeys.status(id), as: StatusRecord.self)?.record.state.isActive == true {
                board.launch(.task(id))
            }
        }
    }

    /// Deletes a task in any state and forgets its positions; delivered objects stay.
    package func delete(_ name: String, on reference: String, in project: ProjectID) async throws(TransferError) {
        let stream = try await stream(reference, in: project)
        try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            guard let members = try await self.members(of: stream.id),
                let id = Self.find(name, among: members.record.tasks)
            else { throw TransferError(.taskNotFound, "[\(name)]") }
            let task = try await get(TransferKeys.task(id), as: TaskRecord.self).flatMap { TransferTask($0.record) }
            let rest = members.record.tasks.filter { $0.id != id.text }
            let membership: CatalogChange =
                rest.isEmpty
                ? .delete(TransferKeys.stream(stream.id), expecting: .revision(members.revision))
                : try put(
                    TransferKeys.stream(stream.id), StreamTasksRecord(project: project.text, tasks: rest),
                    expecting: .revision(members.revision))
            try await commit([membership] + (try await removal(of: id)))
            await board.halt(.task(id))
            await clearWhatIsSmall([id])
            if let task { TransferMetrics.forget(task, in: services.metrics) }
            services.logger.info("transfer task deleted", ["task": name, "stream": stream.name.text])
        }
    }

    /// What the log holds of a partition; nil when the partition has expired.
    private func bounds(of partition: PartitionID) throws(TransferError) -> PartitionBounds? {
        do {
            return try services.log.bounds(of: partition)
        } catch {
            if error.code == .unknownPartition { return nil }
            throw TransferError(.unavailable, error.message)
        }
    }

    private func validate(
        _ descriptor: OBSDescriptor, for stream: StreamDescription
    ) throws(TransferError) -> OBSDestination {
        let destination = try OBSDestination(
            validating: descriptor, for: stream.dataType, hasSchema: stream.dataSchema != nil,
            minimumIntervalSeconds: services.settings.minimumDeliverIntervalSeconds)
        if destination.fileType == .parquet { _ = try ObjectFormat.schema(stream.dataSchema) }
        return destination
    }

    /// Refuses a second task of a name and one more than a stream may have.
    private static func checkRoom(
        for destination: OBSDestination, among tasks: [StreamTasksRecord.Member]
    ) throws(TransferError) {
        guard !tasks.contains(where: { $0.name == destination.taskName }) else {
            throw TransferError(.taskExists, "[\(destination.taskName)]")
        }
        guard tasks.count < TransferSettings.tasksPerStream else {
            throw TransferError(.quotaExceeded, "[\(TransferSettings.tasksPerStream)]")
        }
    }

    /// The stream's task of that name; its id will not do, because an update must name the task.
    private func named(_ name: String, on stream: StreamDescription) async throws(TransferError) -> TransferTaskID {
        guard let member = try await members(of: stream.id)?.record.tasks.first(where: { $0.name == name }) else {
            throw TransferError(.taskNotFound, "[\(name)]")
        }
        return TransferTaskID(member.id)
    }

    /// Asks the destination once, for at most `TransferSettings.reachTimeout`; what it answers decides whether the
    /// request is good.
    /// - Returns: whether a destination is configured for it.
    private func reach(_ destination: OBSDestination, in project: ProjectID) async throws(TransferError) -> Bool {
        await services.sinks.refresh()
        let hasDestination = services.sinks.hasDestination(project: project, agency: destination.agency)
        do {
            let sink = try services.sinks.sink(
                project: project, agency: destination.agency, bucket: destination.bucket)
            try await prepare(sink)
            return hasDestination
        } catch {
            switch error.code {
            case .notFound, .unknownDestination: throw TransferError(.bucketNotFound, "[\(destination.bucket)]")
            default: throw TransferError(.destinationFailed, "[\(error.message)]")
            }
        }
    }

    private func prepare(_ sink: any ObjectSink) async throws(SinkError) {
        let time = services.time
        let limit = services.settings.reachTimeout
        let outcome: Result<Void, SinkError> = await withTaskGroup(of: Result<Void, SinkError>.self) { group in
            group.addTask {
                do throws(SinkError) {
                    return .success(try await sink.prepare())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                // Cancelled when the destination has answered: then nobody looks at this result.
                try? await time.sleep(for: limit)
                return .failure(SinkError(.unavailable, "the destination does not answer within \(limit)"))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(SinkError(.cancelled, "the request was cancelled"))
        }
        try outcome.get()
    }

    /// Takes the task away from its runner: nothing that the runner still tries to store will be.
    func revocation(of id: TransferTaskID) async throws(TransferError) -> CatalogChange {
        let current = try await get(TransferKeys.owner(id), as: OwnerRecord.self)?.record
        return try put(
            TransferKeys.owner(id), TaskOwnership.revocation(after: current, claim: services.identifiers.next()))
    }
}

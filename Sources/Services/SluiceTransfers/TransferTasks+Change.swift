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
        let stream = try await stream(reference, in: project)
        let destination = try validate(descriptor, for: stream)
        return try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            let members = try await self.members(of: stream.id)
            let tasks = members?.record.tasks ?? []
            guard !tasks.contains(where: { $0.name == destination.taskName }) else {
                throw TransferError(.taskExists, "[\(destination.taskName)]")
            }
            guard tasks.count < TransferSettings.tasksPerStream else {
                throw TransferError(.quotaExceeded, "[\(TransferSettings.tasksPerStream)]")
            }
            try await reach(destination, in: project)

            let id = TransferTaskID(services.identifiers.next())
            let task = TransferTask(
                id: id, name: destination.taskName, project: project, stream: stream.id, streamName: stream.name,
                createdAt: services.time.now(), descriptor: destination.descriptor)
            var changes = [
                try put(
                    TransferKeys.stream(stream.id),
                    StreamTasksRecord(project: project.text, tasks: tasks + [.init(id: id.text, name: task.name)]),
                    expecting: members.map { .revision($0.revision) } ?? .absent),
                try put(TransferKeys.task(id), task.record, expecting: .absent),
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
        try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            guard let members = try await self.members(of: stream.id),
                let member = members.record.tasks.first(where: { $0.name == destination.taskName })
            else { throw TransferError(.taskNotFound, "[\(destination.taskName)]") }
            let id = TransferTaskID(member.id)
            let task = try await task(id)
            try await reach(destination, in: project)
            var kept = destination.descriptor
            kept.consumerStrategy = task.descriptor.consumerStrategy
            let updated = TransferTask(
                id: id, name: task.name, project: project, stream: stream.id, streamName: stream.name,
                createdAt: task.createdAt, descriptor: kept)
            try await commit([
                try put(TransferKeys.task(id), updated.record, expecting: .present), try await revocation(of: id),
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
            try await commit([membership] + Self.removal(of: id))
            await board.halt(.task(id))
            if let task { TransferMetrics(services.metrics).forget(task) }
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
        guard destination.fileType != .parquet else {
            throw OBSDestination.invalid("destination_file_type parquet is not supported")
        }
        return destination
    }

    /// Asks the destination once; what it answers decides whether the request is good.
    private func reach(_ destination: OBSDestination, in project: ProjectID) async throws(TransferError) {
        do {
            try await services.sinks.sink(
                project: project, agency: destination.agency, bucket: destination.bucket
            ).prepare()
        } catch {
            switch error.code {
            case .notFound, .unknownDestination: throw TransferError(.bucketNotFound, "[\(destination.bucket)]")
            default: throw TransferError(.destinationFailed, "[\(error.message)]")
            }
        }
    }

    /// Takes the task away from its runner: nothing that the runner still tries to store will be.
    func revocation(of id: TransferTaskID) async throws(TransferError) -> CatalogChange {
        let current = try await get(TransferKeys.owner(id), as: OwnerRecord.self)?.record
        return try put(
            TransferKeys.owner(id), TaskOwnership.revocation(after: current, claim: services.identifiers.next()))
    }
}

internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// Delivers one task from its stored positions until it is stopped, its stream is gone, or a permanent fault ends it.
struct TaskRunner: Sendable {
    let services: TransferServices
    let id: TransferTaskID
    let entry: RunnerBoard.Entry

    /// Returns when the task is cancelled or has ended by itself; everything worth knowing is in the catalog then.
    func run() async {
        var pauses = RetryPauses(services.settings)
        let logger = services.logger.with(["task": id.text])
        while !Task.isCancelled {
            do {
                try await runAsOwner()
                return
            } catch is TaskLost {
                return
            } catch is CancellationError {
                return
            } catch {
                // A wait that the end of the server cut short is no failure.
                guard !Task.isCancelled else { return }
                if let error = error as? CatalogError, error.code == .damaged {
                    logger.error("transfer task cannot go on: what is stored of it is damaged", ["error": "\(error)"])
                    return
                }
                logger.warning("transfer task will be taken up again", ["error": "\(error)"])
                do { try await services.time.sleep(for: pauses.next()) } catch { return }
            }
        }
    }

    private func runAsOwner() async throws {
        let owner = try await TaskOwnership.claim(id, in: services)
        entry.note(claim: owner.revision)
        guard let record = try await services.store.get(TransferKeys.task(id), as: TaskRecord.self)?.record,
            let status = try await services.store.get(TransferKeys.status(id), as: StatusRecord.self)?.record,
            status.state.isActive
        else { return }
        guard let task = TransferTask(record) else {
            throw CatalogError(.damaged, key: TransferKeys.task(id), "the task's names are not valid")
        }
        let logger = services.logger.with(["task": task.name, "stream": task.streamName.text])
        let reporter = TaskReporter(services: services, owner: owner, logger: logger, status: status)
        do {
            try await deliver(task, as: owner, reporter: reporter, logger: logger)
        } catch let fault as PermanentFault {
            try await reporter.failedPermanently(fault.reason)
        } catch let error as CatalogError where error.code == .damaged {
            try await reporter.failedPermanently(error.description)
        }
    }

    private func deliver(
        _ task: TransferTask, as owner: TaskOwnership, reporter: TaskReporter, logger: Logger
    ) async throws {
        let dumpLog = try await DumpLog.resume(id, in: services)
        var stream = try await services.streams.describe(task.stream)
        while let current = stream {
            stream = try await deliver(
                task, from: current, as: owner, reporter: reporter, logger: logger, dumpLog: dumpLog)
        }
    }

    /// Delivers while the stream's records have the same form; returns the stream when they get another, nil when it is
    /// deleted.
    private func deliver(
        _ task: TransferTask, from described: StreamDescription, as owner: TaskOwnership, reporter: TaskReporter,
        logger: Logger, dumpLog: DumpLog
    ) async throws -> StreamDescription? {
        var stream = described
        let destination: OBSDestination
        do {
            destination = try OBSDestination(
                validating: task.descriptor, for: stream.dataType, hasSchema: stream.dataSchema != nil,
                minimumIntervalSeconds: 1)
        } catch {
            throw PermanentFault(reason: error.message)
        }
        let current = currentForm(of: task, destination, stream)
        try await prepare(task, current, destination, reporter)
        _ = try ObjectFormat(current)
        let form = try await services.number(current, for: owner)

        let memory = services.memory.budget(
            own: services.settings.memoryPerTask.bytes,
            place: services.sinks.place(project: task.project, agency: destination.agency), time: services.time)
        let streams = services.streams
        let metrics = TransferMetrics(of: task, in: services.metrics)
        return try await withThrowingTaskGroup(of: ChildEnd.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await reporter.heal()
                return .done
            }
            let replay = ReplayRunner(
                services: services, task: task, form: form, owner: owner, reporter: reporter, memory: memory,
                logger: logger, dumpLog: dumpLog, metrics: metrics, bell: entry.bell)
            group.addTask {
                try await replay.run { try await isCurrent(form, of: task, destination) }
                return .done
            }
            var running: Set<PartitionNumber> = []
            while true {
                for partition in stream.partitions where running.insert(partition.number).inserted {
                    let runner = PartitionRunner(
                        services: services, task: task, destination: destination, form: form, owner: owner,
                        reporter: reporter, memory: memory,
                        logger: logger.with(["partition": partition.number.description]),
                        dumpLog: dumpLog, metrics: metrics,
                        partition: PartitionID(stream: task.stream, number: partition.number))
                    group.addTask {
                        try await runner.run()
                        return .partition(partition.number)
                    }
                }
                let version = stream.version
                group.addTask { .stream(try await streams.waitForChange(of: task.stream, since: version)) }
                guard let changed = try await nextChange(in: &group, running: &running) else { return nil }
                stream = changed
                // Deliveries that were begun are finished in their own form.
                guard currentForm(of: task, destination, stream) == form.form else { return stream }
                // A form that was there for a moment may have kept a replay from beginning.
                entry.bell.ring()
            }
        }
    }

    /// Whether deliveries that begin now have that form; if not, the stream has changed and all begin anew soon.
    private func isCurrent(
        _ form: NumberedForm, of task: TransferTask, _ destination: OBSDestination
    ) async throws -> Bool {
        guard let stream = try await services.streams.describe(task.stream) else { return false }
        return currentForm(of: task, destination, stream) == form.form
    }

    private func currentForm(
        of task: TransferTask, _ destination: OBSDestination, _ stream: StreamDescription
    ) -> DeliveryForm {
        var form = DeliveryForm(descriptor: destination.descriptor, hasDestination: task.hasDestination)
        guard destination.fileType == .parquet else { return form }
        form.schema = stream.dataSchema
        form.rowGroupBytes = min(
            services.settings.parquetRowGroupSize.bytes, services.settings.memoryPerTask.bytes / 4)
        return form
    }

    private enum ChildEnd: Sendable {
        /// The log no longer knows the partition; it is tried again when the stream changes.
        case partition(PartitionNumber)
        /// The stream has changed, or is deleted (nil).
        case stream(StreamDescription?)
        /// Nothing to go on with.
        case done
    }

    /// Waits for the stream to change; throws what a partition throws meanwhile.
    private func nextChange(
        in group: inout ThrowingTaskGroup<ChildEnd, any Error>, running: inout Set<PartitionNumber>
    ) async throws -> StreamDescription? {
        while let end = try await group.next() {
            switch end {
            case .partition(let number): running.remove(number)
            case .stream(let changed): return changed
            case .done: break
            }
        }
        return nil
    }

    /// Reaches the destination, again and again while that may help.
    private func prepare(
        _ task: TransferTask, _ form: DeliveryForm, _ destination: OBSDestination, _ reporter: TaskReporter
    ) async throws {
        var pauses = RetryPauses(services.settings)
        while true {
            do {
                try await services.sink(of: task, form, destination).prepare()
                await reporter.prepared()
                return
            } catch {
                if error.code == .cancelled { throw CancellationError() }
                guard error.isRetriable else { throw PermanentFault(reason: error.message) }
                await reporter.failedToPrepare(error.message)
                try await services.time.sleep(for: pauses.next())
            }
        }
    }
}

internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Delivers one partition of one task, delivery after delivery, each exactly once:
///
/// 1. decide the range and the key, and store both as the intent;
/// 2. write the range under the key, which may be repeated at will, and read back length and checksum;
/// 3. store progress and ledger entry and delete the intent, in one commit that depends on still owning the task.
///
/// Whatever fails between, the way on begins with what is stored: an intent is carried out as it stands.
struct PartitionRunner: Sendable {
    let services: TransferServices
    let task: TransferTask
    let destination: OBSDestination
    /// The form of the deliveries that begin now.
    let form: NumberedForm
    let owner: TaskOwnership
    let reporter: TaskReporter
    /// Memory for the record data of this task.
    let memory: TaskMemory
    let logger: Logger
    let dumpLog: DumpLog
    let metrics: TransferMetrics
    let partition: PartitionID

    /// Runs until the partition is gone (returns), the task is cancelled or lost, or a permanent fault is met (throws).
    func run() async throws {
        var pauses = RetryPauses(services.settings)
        var done = FinishedObjects()
        while true {
            do {
                return try await runFromStoredState(&pauses, &done)
            } catch {
                switch DeliveryFault(error) {
                case .cancelled: throw CancellationError()
                case .lost: throw TaskLost()
                case .partitionGone: return await reporter.isIdle(partition.number)
                case .permanent(let reason): throw PermanentFault(reason: reason)
                case .transient(let reason):
                    let pause = pauses.next()
                    logger.warning("delivery failed and will be tried again", ["error": reason, "pause": "\(pause)"])
                    memory.noteFailure()
                    metrics.retries.increment()
                    await reporter.failed(partition.number, reason)
                    await noteFailure(reason)
                    try await services.time.sleep(for: pause)
                }
            }
        }
    }

    private func runFromStoredState(_ pauses: inout RetryPauses, _ done: inout FinishedObjects) async throws {
        var progress =
            try await services.store.get(TransferKeys.progress(task.id, partition.number), as: ProgressRecord.self)?
            .record ?? ProgressRecord.beginning(at: 0)
        if let intent = try await services.store.get(
            TransferKeys.intent(task.id, partition.number), as: IntentRecord.self)?.record
        {
            progress = try await fulfil(intent, after: progress, isResumed: true, done: &done)
            pauses.reset()
            await reporter.delivered(partition.number)
        }
        while true {
            try await checkParkedLimit()
            progress = try await skipExpired(progress)
            let position = SequenceNumber(progress.next)
            if try services.log.bounds(of: partition).next <= position { await reporter.isIdle(partition.number) }
            try await services.log.waitForRecords(in: partition, above: position)
            guard try services.log.bounds(of: partition).first <= position else { continue }
            let range: CutRange
            do {
                range = try await cutter.cut(from: position)
            } catch let error as RecordLogError where error.code == .trimmed {
                continue
            }
            let intent = try await plan(range)
            try await services.store.commit(
                [try TransferStore.put(TransferKeys.intent(task.id, partition.number), intent, expecting: .absent)],
                as: owner)
            progress = try await fulfil(intent, after: progress, isResumed: false, done: &done)
            pauses.reset()
            await reporter.delivered(partition.number)
        }
    }

    /// Writes a failed attempt into the dump log, as well as that is possible: the next attempt matters more.
    private func noteFailure(_ reason: String) async {
        let now = services.time.now()
        do {
            let change = try dumpLog.adding(
                from: now, to: now, .abnormal, records: 0, bytes: 0, object: "", message: reason)
            try await services.store.commit([change], as: owner)
        } catch {
            logger.debug("a failed attempt is missing from the dump log", ["error": "\(error)"])
        }
    }

    /// Moves a position that retention has passed to the earliest record there is, and counts what was lost.
    private func skipExpired(_ progress: ProgressRecord) async throws -> ProgressRecord {
        let earliest = try services.log.bounds(of: partition).first
        let lost = earliest.distance(from: SequenceNumber(progress.next))
        guard lost > 0 else { return progress }
        var moved = progress
        moved.next = earliest.value
        moved.discarded += lost
        try await services.store.commit(
            [try TransferStore.put(TransferKeys.progress(task.id, partition.number), moved)], as: owner)
        metrics.discarded.increment(by: lost)
        logger.warning(
            "records passed the stream's retention before they could be delivered",
            ["records": "\(lost)", "from": "\(progress.next)", "to": "\(earliest)"])
        return moved
    }

    private var cutter: RangeCutter {
        let settings = services.settings
        return RangeCutter(
            log: services.log, time: services.time, partition: partition,
            text: DelimitedText(delimiter: destination.delimiter), interval: destination.interval,
            sizeMax: (destination.sizeInterval ?? settings.objectSizeMax).bytes,
            recordsMax: destination.fileType == .parquet || destination.recordTime != nil ? settings.recordsMax : .max,
            readSize: settings.readSize,
            withMemory: { body in try await memory.withShare(of: Self.readShare(settings), body) })
    }

    /// A read may exceed its limit by one batch, and a batch holds at most one request's records (5 MiB).
    static func readShare(_ settings: TransferSettings) -> Int {
        settings.readSize.bytes + ByteCount.mebibytes(5).bytes
    }

    /// Decides names and contents: one object, or one for each directory that the records themselves name.
    private func plan(_ range: CutRange) async throws -> IntentRecord {
        let now = services.time.now()
        var objects: [IntentRecord.Object] = []
        var covered = range
        if let sorter = RecordSorter(destination, generatedAt: now) {
            let settings = services.settings
            let planner = DirectoryPlanner(
                log: services.log, partition: partition, text: DelimitedText(delimiter: destination.delimiter),
                readSize: settings.readSize, sorter: sorter, directoriesMax: settings.directoriesMax,
                withMemory: { body in try await memory.withShare(of: Self.readShare(settings), body) })
            let plan = try await planner.plan(range)
            covered = plan.range
            objects = plan.shares.map { share in
                IntentRecord.Object(
                    key: key(share.directory, first: share.first, records: share.records), first: share.first.value,
                    last: share.last.value, records: share.records, directory: share.directory, bytes: share.bytes,
                    runs: share.runs)
            }
        } else {
            let directory = destination.directory.directory(at: now)
            objects = [
                IntentRecord.Object(
                    key: key(directory, first: range.first, records: range.records), first: range.first.value,
                    last: range.next.value - 1, records: range.records)
            ]
        }
        if destination.fileType == .parquet {
            // Named with the others, so that it is nobody else's either.
            objects.append(
                IntentRecord.Object(
                    key: key("error", first: covered.first, records: covered.records, fileExtension: "txt"),
                    first: covered.first.value, last: covered.next.value - 1, records: 0))
        }
        let sink = try services.sink(of: task, form.form, destination)
        objects = try await named(objects, in: sink)
        let errorObject = destination.fileType == .parquet ? objects.removeLast().key : nil
        return IntentRecord(
            epoch: owner.epoch, first: covered.first.value, last: covered.next.value - 1,
            generatedAt: now.milliseconds, objects: objects, form: form.number, errorObject: errorObject,
            place: sink.place?.text)
    }

    private func key(
        _ directory: String, first: SequenceNumber, records: Int, fileExtension: String? = nil
    ) -> String {
        ObjectName(
            filePrefix: destination.filePrefix, directory: directory, stream: task.streamName, task: task.name,
            partition: partition.number, first: first, records: records,
            fileExtension: fileExtension ?? destination.fileExtension
        ).key
    }

    /// The memory that writing one object takes: a read, its encoded form, and what a sink holds back; for columns a row
    /// group with its encoded form, and the records that fail. Without a format the most that any takes.
    static func deliveryShare(_ settings: TransferSettings, _ format: ObjectFormat? = nil) -> Int {
        let share = 2 * readShare(settings) + ByteCount.mebibytes(16).bytes
        switch format?.content {
        case .text: return share
        case .parquet(_, _, let rowGroupSize): return share + readShare(settings) + 2 * rowGroupSize.bytes
        case nil: return share + readShare(settings) + 2 * settings.parquetRowGroupSize.bytes
        }
    }
}

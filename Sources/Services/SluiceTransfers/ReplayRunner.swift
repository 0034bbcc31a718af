internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// Delivers the parked records of a task that are marked for it, beside the partitions' own deliveries and as exactly
/// once as those:
///
/// 1. decide which records go to which keys, and store that as the plan;
/// 2. write the objects, which may be repeated at will, and read them back;
/// 3. in one commit: ledger entries, the end of the records that converted, the new cause of those that did not, and
///    the end of the plan.
struct ReplayRunner: Sendable {
    let services: TransferServices
    let task: TransferTask
    let form: NumberedForm
    let owner: TaskOwnership
    let reporter: TaskReporter
    let memory: TaskMemory
    let logger: Logger
    let dumpLog: DumpLog
    let metrics: TransferMetrics
    let bell: Bell

    /// The reporter knows replays by a number that no partition has.
    private static let place = PartitionNumber(-2)

    /// Replays what is marked, and again whenever the bell rings; throws when the task is cancelled or lost, or on a
    /// permanent fault.
    ///
    /// - Parameter isCurrent: whether new deliveries have the form that this runner gives to replays.
    func run(isCurrent: @Sendable () async throws -> Bool) async throws {
        var pauses = RetryPauses(services.settings)
        while true {
            do {
                let bell = bell.next
                while try await replayNext(isCurrent) {
                    pauses.reset()
                    await reporter.delivered(Self.place)
                }
                pauses.reset()
                await reporter.isIdle(Self.place)
                await bell.wait()
                try Task.checkCancellation()
            } catch {
                switch DeliveryFault(error) {
                case .cancelled: throw CancellationError()
                case .lost: throw TaskLost()
                case .permanent(let reason): throw PermanentFault(reason: reason)
                case .partitionGone: return
                case .transient(let reason):
                    let pause = pauses.next()
                    logger.warning("replay failed and will be tried again", ["error": reason, "pause": "\(pause)"])
                    memory.noteFailure()
                    metrics.retries.increment()
                    await reporter.failed(Self.place, reason)
                    try await services.time.sleep(for: pause)
                }
            }
        }
    }

    /// Carries out the stored plan or makes the next one; false when there is nothing to do, or when it is for a runner
    /// of the next form to do.
    private func replayNext(_ isCurrent: () async throws -> Bool) async throws -> Bool {
        let key = TransferKeys.replay(task.id)
        var replay = try await services.store.get(key, as: ReplayRecord.self)
        if replay?.record.plan == nil {
            let number = (replay?.record.number ?? 0) + 1
            guard let (plan, marks) = try await plan(number) else { return false }
            // Whoever marked a record may ask for a form that this runner has not heard of yet.
            guard try await isCurrent() else { return false }
            let required = plan.objects.flatMap(\.numbers).map { number in
                CatalogChange.require(
                    TransferKeys.mark(task.id, PartitionNumber(plan.partition), number),
                    marks[number].map { .revision($0) } ?? .present)
            }
            let change = try TransferStore.put(
                key, ReplayRecord(number: number, plan: plan),
                expecting: replay.map { .revision($0.revision) } ?? .absent)
            do {
                try await services.store.commit([change] + required, as: owner)
            } catch let error as CatalogError where error.code == .conflict {
                // Some were discarded or marked again in this moment: the next look finds how it is now.
                return true
            }
            replay = try await services.store.get(key, as: ReplayRecord.self)
        }
        guard let replay, let plan = replay.record.plan else { return false }
        try await carryOut(plan, replay.record.number)
        return true
    }

    // MARK: The plan

    /// What to replay next, marked records of one partition, with the revisions of their marks; nil when there are none.
    private func plan(_ number: Int) async throws -> (ReplayRecord.Plan, [Int64: Int64])? {
        guard let form = form.number else { return nil }
        let marks = TransferKeys.marks(task.id)
        var after: CatalogKey?
        while let first = try await services.store.catalog.list(prefix: marks, after: after, limit: 1).first?.key.text,
            let value = Int(first.dropFirst(marks.text.count).prefix(10))
        {
            let partition = PartitionNumber(value)
            let marked = try await services.store.marked(task.id, partition, from: 0, limit: ReplayRecord.recordsMax)
            if let plan = try await plan(number, of: partition, marked.keys.sorted(), as: form) {
                return (plan, marked)
            }
            // All of them were discarded in this moment; other partitions may have more.
            after = TransferKeys.mark(task.id, partition, .max)
        }
        return nil
    }

    private func plan(
        _ number: Int, of partition: PartitionNumber, _ marked: [Int64], as formNumber: Int
    ) async throws -> ReplayRecord.Plan? {
        let destination = try form.form.destination()
        let now = services.time.now()
        let sorter = RecordSorter(destination, generatedAt: now)
        var chosen: [String: [Int64]] = [:]
        var bytes = 0
        for number in marked where bytes < ReplayRecord.bytesMax {
            let key = TransferKeys.parked(task.id, partition, number)
            // A record may be discarded in this moment.
            guard let entry = try await services.store.get(key, as: ParkedEntry.self)?.record,
                let data = try await services.store.parkedData(task.id, partition, number)
            else { continue }
            bytes += entry.bytes
            var directory = destination.directory.directory(at: now)
            if let sorter {
                directory = unsafe data.withUnsafeBytes { unsafe sorter.directory(of: $0) }
            }
            chosen[directory, default: []].append(number)
        }
        guard !chosen.isEmpty else { return nil }
        let directories = chosen.sorted { $0.key < $1.key }
        let planned = directories.map { directory, numbers in
            IntentRecord.Object(
                key: ObjectName(
                    filePrefix: destination.filePrefix, directory: directory, stream: task.streamName, task: task.name,
                    partition: partition, first: SequenceNumber(numbers[0]), records: numbers.count,
                    fileExtension: destination.fileExtension, replay: number
                ).key, first: numbers[0], last: numbers[numbers.count - 1], records: numbers.count)
        }
        let sink = try services.sink(of: task, form.form, destination)
        let named = try await runner(of: partition, destination).named(planned, in: sink)
        return ReplayRecord.Plan(
            partition: partition.value, form: formNumber, generatedAt: now.milliseconds,
            objects: zip(named, directories).map { ReplayRecord.Object(key: $0.key, numbers: $1.value) },
            place: sink.place?.text)
    }

    /// Names objects by the same rules as the partition's deliveries.
    private func runner(of partition: PartitionNumber, _ destination: OBSDestination) -> PartitionRunner {
        PartitionRunner(
            services: services, task: task, destination: destination, form: form, owner: owner, reporter: reporter,
            memory: memory, logger: logger, dumpLog: dumpLog, metrics: metrics,
            partition: PartitionID(stream: task.stream, number: partition))
    }

    // MARK: Carrying out

    private struct Outcome: Sendable {
        var delivered: [DeliveryRecord] = []
        /// Why records failed again.
        var causes: [Int64: String] = [:]
    }

    private func carryOut(_ plan: ReplayRecord.Plan, _ number: Int) async throws {
        let planned = plan.form == form.number ? form : try await services.form(plan.form, of: task.id)
        let format = try ObjectFormat(planned.form)
        let destination = try planned.form.destination()
        let sink: any ObjectSink
        do {
            sink = try services.sink(of: task, planned.form, destination)
        } catch {
            guard error.code == .unknownDestination, try await giveUp(plan, number) else { throw error }
            return
        }
        let plan = try await placed(plan, number, at: sink)
        let start = services.time.now()
        var outcome = Outcome()
        let share = PartitionRunner.deliveryShare(services.settings, format) + ReplayRecord.bytesMax
        for object in plan.objects {
            try await memory.withShare(of: share) {
                try await write(object, of: plan, as: format, number, to: sink, &outcome)
            }
        }
        try await conclude(plan, number, outcome, begunAt: start, attempts: Self.concludeAttempts)
        if !outcome.causes.isEmpty {
            await reporter.parked(
                outcome.causes.count, for: destination.interval, outcome.causes.values.sorted().first ?? "")
        }
    }

    /// The plan as it is carried out at the sink's place: stored anew when it was made for another one.
    private func placed(
        _ plan: ReplayRecord.Plan, _ number: Int, at sink: any ObjectSink
    ) async throws -> ReplayRecord.Plan {
        let keys = plan.objects.map(\.key)
        guard let move = try await PartitionRunner.move(of: keys, from: plan.place, plan.formerPlaces, to: sink) else {
            return plan
        }
        var moved = plan
        moved.place = move.place
        moved.formerPlaces = move.formerPlaces
        try await runner(of: PartitionNumber(plan.partition), form.form.destination()).tell(
            move.message, of: keys,
            [
                try TransferStore.put(
                    TransferKeys.replay(task.id), ReplayRecord(number: number, plan: moved), expecting: .present)
            ])
        return moved
    }

    /// Forgets a plan whose destination is gone when the task has been given another one; the marks stay, so that its
    /// records are planned anew. False when there is no other.
    private func giveUp(_ plan: ReplayRecord.Plan, _ number: Int) async throws -> Bool {
        let runner = try runner(of: PartitionNumber(plan.partition), form.form.destination())
        guard runner.isOvertaken(plan.form) else { return false }
        try await runner.tell(
            PartitionRunner.gone(plan.place), of: plan.objects.map(\.key),
            [try TransferStore.put(TransferKeys.replay(task.id), ReplayRecord(number: number), expecting: .present)])
        return true
    }

    private func write(
        _ object: ReplayRecord.Object, of plan: ReplayRecord.Plan, as format: ObjectFormat, _ number: Int,
        to sink: any ObjectSink, _ outcome: inout Outcome
    ) async throws {
        guard let first = object.numbers.first, let last = object.numbers.last else { return }
        let partition = PartitionNumber(plan.partition)
        var builder = RecordBatchBuilder()
        for number in object.numbers {
            builder.append(
                data: try await services.store.requiredParkedData(task.id, partition, number),
                timestamp: Timestamp(milliseconds: 0))
        }
        let portions = builder.finish().map { [RecordPortion(parts: [.numbered($0, object.numbers)])] } ?? []
        let failures = FailureList()
        let streamer = try ObjectStreamer(CollectedRecords(portions), as: format, first: SequenceNumber(first)) {
            failed in
            await failures.add(failed)
        }
        if try await streamer.hasRecords() {
            let facts = try await streamer.write(object.key, to: sink)
            let tracker = await streamer.records
            let last = tracker.last ?? SequenceNumber(last)
            outcome.delivered.append(
                DeliveryRecord(
                    object: object.key, partition: plan.partition, first: first, last: last.value,
                    records: tracker.count,
                    bytes: facts.length, crc32c: facts.crc32c, deliveredAt: services.time.now().milliseconds,
                    deliveryFirst: first, runs: tracker.runs(unlessAllTo: last), form: plan.form,
                    place: plan.place, replay: number))
        }
        outcome.causes.merge(await failures.causes) { _, new in new }
    }

    /// Others may count discarded records of the partition at the same moment.
    private static let concludeAttempts = 10

    private func conclude(
        _ plan: ReplayRecord.Plan, _ number: Int, _ outcome: Outcome, begunAt start: Timestamp, attempts: Int
    ) async throws {
        let store = services.store
        let partition = PartitionNumber(plan.partition)
        let now = services.time.now()
        let settled = try await store.get(TransferKeys.settled(task.id, partition), as: SettledRecord.self)
        var changed = settled?.record ?? SettledRecord()
        var changes: [CatalogChange] = [
            try TransferStore.put(TransferKeys.replay(task.id), ReplayRecord(number: number), expecting: .present)
        ]
        for object in plan.objects {
            let delivery = outcome.delivered.first { $0.object == object.key }
            for record in object.numbers {
                let key = TransferKeys.parked(task.id, partition, record)
                guard let entry = try await store.get(key, as: ParkedEntry.self) else {
                    throw CatalogError(.damaged, key: key, "a record that is being replayed is not parked")
                }
                if let cause = outcome.causes[record] {
                    var failed = entry.record
                    failed.attempts += 1
                    failed.cause = cause
                    failed.lastAttemptAt = now.milliseconds
                    changes.append(try TransferStore.put(key, failed, expecting: .revision(entry.revision)))
                    // A mark that was set since then asks for another replay.
                    let markKey = TransferKeys.mark(task.id, partition, record)
                    if let mark = try await store.get(markKey, as: ReplayMark.self), mark.record.after < number {
                        changes.append(.delete(markKey, expecting: .revision(mark.revision)))
                    }
                } else if let delivery {
                    changed.replayed += 1
                    changed.bytes += entry.record.bytes
                    changes += TransferTasks.removal(
                        ofParked: record, of: partition, task.id, expecting: .revision(entry.revision))
                    changes.append(
                        try TransferStore.put(
                            TransferKeys.replayed(task.id, partition, record),
                            DeliveryPointer(
                                partition: delivery.partition, last: delivery.last, replay: delivery.replay)))
                }
            }
            guard let delivery else { continue }
            changed.objectBytes = (changed.objectBytes ?? 0) + delivery.bytes
            changes += try TransferKeys.changes(adding: delivery, to: task.id)
            changes.append(
                try dumpLog.adding(
                    from: start, to: now, .succeeded, records: delivery.records, bytes: delivery.bytes,
                    object: delivery.object))
        }
        if !outcome.delivered.isEmpty {
            changes.append(
                try TransferStore.put(
                    TransferKeys.settled(task.id, partition), changed,
                    expecting: settled.map { .revision($0.revision) } ?? .absent))
        }
        do {
            try await store.commit(changes, as: owner)
        } catch let error as CatalogError where error.code == .conflict && attempts > 1 {
            return try await conclude(plan, number, outcome, begunAt: start, attempts: attempts - 1)
        }
        metrics.records.increment(by: outcome.delivered.reduce(0) { $0 + $1.records })
        metrics.bytes.increment(by: outcome.delivered.reduce(0) { $0 + $1.bytes })
        metrics.objects.increment(by: outcome.delivered.count)
        logger.info(
            "parked records replayed",
            [
                "delivered": "\(outcome.delivered.reduce(0) { $0 + $1.records })",
                "failed again": "\(outcome.causes.count)",
            ])
    }
}

/// Why records of one object failed again.
private actor FailureList {
    private(set) var causes: [Int64: String] = [:]

    func add(_ failures: [FailedRecord]) {
        for failure in failures { causes[failure.number] = failure.cause }
    }
}

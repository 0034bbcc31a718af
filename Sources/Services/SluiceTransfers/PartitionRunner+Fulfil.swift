internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

extension PartitionRunner {
    /// Objects of one delivery are collected together up to this size; a larger one is streamed by itself.
    private static let collectedSize = ByteCount.mebibytes(8).bytes

    /// Objects that were collected together are written so many at once: each waits for its store's answers.
    private static let objectsAtOnce = 8

    /// Carries out an intent and stores that it is done; returns the partition's progress after it.
    ///
    /// - Parameter done: what earlier attempts have finished, which is not done again.
    func fulfil(
        _ stored: IntentRecord, after progress: ProgressRecord, isResumed: Bool, done: inout FinishedObjects
    ) async throws -> ProgressRecord {
        let form = try await form(of: stored)
        let format = try ObjectFormat(form.form)
        let planned = try form.form.destination()
        let sink: any ObjectSink
        do {
            sink = try services.sink(of: task, form.form, planned)
        } catch {
            guard error.code == .unknownDestination, isOvertaken(stored.form) else { throw error }
            try await giveUp(stored)
            return progress
        }
        let intent = try await placed(stored, at: sink)
        done.begin(intent, at: sink.place)
        let sorter = RecordSorter(planned, generatedAt: Timestamp(milliseconds: intent.generatedAt))
        let errorObject = intent.errorObject ?? ""
        var outcome = DeliveryOutcome(startedAt: services.time.now(), errorObject: errorObject)
        for group in Self.groups(of: intent.objects) {
            do {
                try await memory.withDelivery(holding: Self.deliveryShare(services.settings, format)) {
                    let job = ObjectJob(
                        intent: intent, form: form, format: format, sorter: sorter, sink: sink, errorObject: errorObject
                    )
                    return try await deliver(group, job, &outcome, &done)
                }
            } catch let error as RecordLogError where error.code == .trimmed {
                // Too late to write them; those that an earlier attempt has written count.
                outcome.isTrimmed = true
                for object in group where done[object] == nil {
                    guard let kept = try await sink.examine(object.key) else { continue }
                    let record = try await recordOfTrimmed(object, kept, intent, form, sorter)
                    let found = FinishedObject(record: record, failed: [], isFound: true)
                    done[object] = found
                    outcome.note(found, object)
                }
            }
        }
        if outcome.isTrimmed, let rest = try await intentForRest(of: intent, done, sorter, planned) {
            try await services.store.commit(
                [try TransferStore.put(TransferKeys.intent(task.id, partition.number), rest, expecting: .present)],
                as: owner)
            return try await fulfil(rest, after: progress, isResumed: true, done: &done)
        }
        if format.canRefuse {
            if isResumed || outcome.hasNothing { try await forgetStaleEntries(of: intent, outcome) }
            outcome.parked = try await summaryOfParked(in: intent)
            if outcome.parked.count > 0 {
                try await memory.withShare(of: Self.deliveryShare(services.settings, .lines)) {
                    try await writeErrorObject(errorObject, of: intent, to: sink)
                }
            }
        }
        let moved = try await conclude(intent, outcome, after: progress)
        if outcome.parked.count > 0 {
            await reporter.parked(outcome.parked.count, for: destination.interval, outcome.parked.cause)
        }
        return moved
    }

    /// The form that the intent was made for, which an update of the task does not change.
    private func form(of intent: IntentRecord) async throws -> NumberedForm {
        if intent.form != nil, intent.form == form.number { return form }
        if intent.form == nil, let descriptor = intent.descriptor {
            return NumberedForm(number: nil, form: DeliveryForm(descriptor: descriptor, schema: nil))
        }
        return try await services.form(intent.form, of: task.id)
    }

    /// Neighbouring objects that are read from the log in one go.
    private static func groups(of objects: [IntentRecord.Object]) -> [[IntentRecord.Object]] {
        var groups: [[IntentRecord.Object]] = []
        var size = 0
        for object in objects {
            let bytes = object.bytes ?? collectedSize
            if !groups.isEmpty, size + bytes <= collectedSize {
                groups[groups.count - 1].append(object)
                size += bytes
            } else {
                groups.append([object])
                size = bytes
            }
        }
        return groups
    }

    /// Writes the objects of a group and notes each in the outcome; gives the bytes that it has written.
    private func deliver(
        _ group: [IntentRecord.Object], _ job: ObjectJob, _ outcome: inout DeliveryOutcome,
        _ done: inout FinishedObjects
    ) async throws -> Int {
        var bytes = 0
        var pending: [IntentRecord.Object] = []
        for object in group {
            if let finished = done[object] { outcome.note(finished, object) } else { pending.append(object) }
        }
        guard let sorter = job.sorter, pending.count > 1 else {
            for object in pending {
                let finished = try await deliver(object, from: reader(of: object, job.sorter), job)
                done[object] = finished
                outcome.note(finished, object)
                bytes += finished.record?.bytes ?? 0
            }
            return bytes
        }
        let (finished, failure) = try await deliver(pending, from: collect(pending, sorter), job)
        // In the order of the plan, whichever was finished first.
        for (object, result) in zip(pending, finished) {
            guard let result else { continue }
            done[object] = result
            outcome.note(result, object)
            bytes += result.record?.bytes ?? 0
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes collected objects, several at once; those that were finished before one failed count.
    private func deliver(
        _ pending: [IntentRecord.Object], from collected: [String: RecordPortion], _ job: ObjectJob
    ) async throws -> (finished: [FinishedObject?], failure: (any Error)?) {
        await withTaskGroup(of: (Int, Result<FinishedObject, any Error>).self) { tasks in
            var finished = [FinishedObject?](repeating: nil, count: pending.count)
            var failure: (any Error)?
            func note(_ index: Int, _ result: Result<FinishedObject, any Error>) {
                switch result {
                case .success(let object): finished[index] = object
                case .failure(let error): failure = failure ?? error
                }
            }
            for (index, object) in pending.enumerated() {
                if index >= Self.objectsAtOnce, let (other, result) = await tasks.next() { note(other, result) }
                if failure != nil { break }
                let portions = collected[object.directory ?? ""].map { [$0] } ?? []
                tasks.addTask {
                    do {
                        return (index, .success(try await deliver(object, from: CollectedRecords(portions), job)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            while let (index, result) = await tasks.next() { note(index, result) }
            return (finished, failure)
        }
    }

    private func deliver(
        _ object: IntentRecord.Object, from source: any RecordSource, _ job: ObjectJob
    ) async throws -> FinishedObject {
        let streamer = try ObjectStreamer(source, as: job.format, first: SequenceNumber(object.first)) { failures in
            try await park(failures, errorObject: job.errorObject)
        }
        guard try await streamer.hasRecords() else { return FinishedObject(record: nil, failed: await streamer.failed) }
        let facts = try await streamer.write(object.key, to: job.sink)
        let tracker = await streamer.records
        return FinishedObject(
            record: record(
                object, facts, tracker.runs(unlessAllTo: SequenceNumber(object.last)), records: tracker.count,
                of: job.intent, as: job.form),
            failed: await streamer.failed)
    }

    private func reader(of object: IntentRecord.Object, _ sorter: RecordSorter?) -> RangeReader {
        RangeReader(
            log: services.log, partition: partition,
            range: SequenceNumber(object.first)...SequenceNumber(object.last), readSize: services.settings.readSize,
            selection: sorter.map { .directory(object.directory ?? "", $0) } ?? .all)
    }

    /// Reads the part of the range that a group spans, and keeps what belongs to its directories.
    private func collect(
        _ group: [IntentRecord.Object], _ sorter: RecordSorter
    ) async throws -> [String: RecordPortion] {
        var collectors = group.map { _ in RecordCollector() }
        var indices: [String: Int] = [:]
        for (index, object) in group.enumerated() { indices[object.directory ?? ""] = index }
        var reader = RangeReader(
            log: services.log, partition: partition,
            range: SequenceNumber(group.map(\.first).min() ?? 0)...SequenceNumber(group.map(\.last).max() ?? 0),
            readSize: services.settings.readSize)
        while let portion = try await reader.next() {
            try unsafe portion.forEach { number, record in
                guard let index = unsafe indices[sorter.directory(of: record.data)] else { return }
                unsafe collectors[index].append(number, record)
            }
        }
        return indices.compactMapValues { collectors[$0].portion }
    }

    func record(
        _ object: IntentRecord.Object, _ facts: ObjectFacts, _ runs: [Int]?, records: Int, of intent: IntentRecord,
        as form: NumberedForm
    ) -> DeliveryRecord {
        DeliveryRecord(
            object: object.key, partition: partition.number.value, first: object.first, last: object.last,
            records: records, bytes: facts.length, crc32c: facts.crc32c,
            deliveredAt: services.time.now().milliseconds, deliveryFirst: intent.first, runs: runs, form: form.number,
            place: intent.place)
    }

    /// Stores that the intent is done. Objects that were planned but are not delivered have lost records to retention:
    /// the position moves to what is left, or past the range when other objects of it have been written.
    private func conclude(
        _ intent: IntentRecord, _ outcome: DeliveryOutcome, after progress: ProgressRecord
    ) async throws -> ProgressRecord {
        var moved = progress
        let now = services.time.now()
        // Objects may have been written long before the last of them was: the ledger tells when they all counted, so that
        // whoever asks for what came since the last look misses none.
        let delivered = outcome.delivered.map { record in
            var record = record
            record.deliveredAt = now.milliseconds
            return record
        }
        let parked = outcome.parked
        let records = delivered.reduce(0) { $0 + $1.records }
        if outcome.hasNothing {
            // Nothing was written: what retention has left goes into another delivery, and the rest counts there.
            moved.next = intent.first
        } else {
            moved.next = intent.last + 1
            moved.delivered += records
            moved.deliveredBytes = (moved.deliveredBytes ?? 0) + delivered.reduce(0) { $0 + $1.bytes }
            moved.discarded += Int(intent.last - intent.first + 1) - records - parked.count
            moved.parked += parked.count
            if parked.count > 0 { moved.parkedBytes = (moved.parkedBytes ?? 0) + parked.bytes }
            if !delivered.isEmpty {
                moved.lastDelivered = delivered.map(\.last).max() ?? moved.lastDelivered
                moved.lastTransferAt = now.milliseconds
            }
        }
        var changes = [
            try TransferStore.put(TransferKeys.progress(task.id, partition.number), moved),
            CatalogChange.delete(TransferKeys.intent(task.id, partition.number), expecting: .present),
        ]
        for (index, delivery) in delivered.enumerated() {
            changes += try TransferKeys.changes(adding: delivery, to: task.id)
            // Of thousands of objects the dump log keeps the last ones alone.
            guard delivered.count - index <= services.settings.dumpLogEntries else { continue }
            changes.append(
                try dumpLog.adding(
                    from: outcome.startedAt, to: now, .succeeded, records: delivery.records, bytes: delivery.bytes,
                    object: delivery.object))
        }
        if parked.count > 0 {
            changes.append(
                try dumpLog.adding(
                    from: outcome.startedAt, to: now, .abnormal, records: parked.count, bytes: parked.bytes,
                    object: outcome.errorObject,
                    message: "records that could not be converted were parked, such as: \(parked.cause)"))
        }
        try await services.store.commit(changes, as: owner)
        metrics.records.increment(by: records)
        metrics.bytes.increment(by: delivered.reduce(0) { $0 + $1.bytes })
        metrics.objects.increment(by: delivered.count)
        metrics.parked.increment(by: parked.count)
        return moved
    }
}

/// What an intent's objects are made of.
private struct ObjectJob: Sendable {
    let intent: IntentRecord
    let form: NumberedForm
    let format: ObjectFormat
    let sorter: RecordSorter?
    let sink: any ObjectSink
    let errorObject: String
}

/// What has become of an intent.
struct DeliveryOutcome: Sendable {
    let startedAt: Timestamp
    let errorObject: String
    var delivered: [DeliveryRecord] = []
    /// The keys of objects that this attempt has written.
    var written: Set<String> = []
    /// The numbers that this attempt has parked.
    var failed: Set<Int64> = []
    var parked = ParkedSummary()
    /// Whether retention has passed records of it.
    var isTrimmed = false

    mutating func note(_ finished: FinishedObject, _ object: IntentRecord.Object) {
        if let record = finished.record {
            delivered.append(record)
            if !finished.isFound { written.insert(object.key) }
        }
        failed.formUnion(finished.failed)
    }

    /// Nothing came of it, because retention was faster.
    var hasNothing: Bool { isTrimmed && delivered.isEmpty && failed.isEmpty }
}

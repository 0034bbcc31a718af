internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

extension PartitionRunner {
    /// Objects of one delivery are collected together up to this size; a larger one is streamed by itself.
    private static let collectedSize = ByteCount.mebibytes(8).bytes

    /// Carries out an intent and stores that it is done; returns the partition's progress after it.
    func fulfil(_ intent: IntentRecord, after progress: ProgressRecord) async throws -> ProgressRecord {
        let form = try await form(of: intent)
        let planned = try form.form.destination()
        let sink = try services.sink(of: task, planned)
        let start = services.time.now()
        let sorter = RecordSorter(planned, generatedAt: Timestamp(milliseconds: intent.generatedAt))
        var delivered: [DeliveryRecord] = []
        for group in Self.groups(of: intent.objects) {
            do {
                delivered += try await withMemory(Self.deliveryShare(services.settings)) {
                    try await deliver(group, of: intent, as: form, sorter, to: sink)
                }
            } catch let error as RecordLogError where error.code == .trimmed {
                // Too late to write them; those that an earlier attempt has written count.
                for object in group {
                    guard let kept = try await sink.examine(object.key) else { continue }
                    delivered.append(record(object, kept, nil, of: intent, as: form))
                }
            }
        }
        return try await conclude(intent, delivered, begunAt: start, after: progress)
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
            if var group = groups.last, size + bytes <= collectedSize {
                group.append(object)
                groups[groups.count - 1] = group
                size += bytes
            } else {
                groups.append([object])
                size = bytes
            }
        }
        return groups
    }

    private func deliver(
        _ group: [IntentRecord.Object], of intent: IntentRecord, as form: NumberedForm, _ sorter: RecordSorter?,
        to sink: any ObjectSink
    ) async throws -> [DeliveryRecord] {
        var collected: [String: RecordPortion]?
        if let sorter, group.count > 1 { collected = try await collect(group, sorter) }
        var records: [DeliveryRecord] = []
        for object in group {
            let source: any RecordSource =
                collected.map { CollectedRecords($0[object.directory ?? ""].map { [$0] } ?? []) }
                ?? reader(of: object, sorter)
            records.append(try await write(object, of: intent, source, as: form, to: sink))
        }
        return records
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

    /// Writes one object and makes sure by reading that the destination holds what was written.
    private func write(
        _ object: IntentRecord.Object, of intent: IntentRecord, _ source: any RecordSource, as form: NumberedForm,
        to sink: any ObjectSink
    ) async throws -> DeliveryRecord {
        let streamer = try ObjectStreamer(source, as: form.form, first: SequenceNumber(object.first))
        try await sink.write(object.key, body: ObjectBody { try await streamer.next() })
        let written = await streamer.facts
        guard let kept = try await sink.examine(object.key) else {
            throw SinkError(.unavailable, "the destination confirmed the object \(object.key) but does not have it")
        }
        guard kept == written else {
            throw SinkError(
                .unavailable,
                "the object \(object.key) reads back as \(kept.length) bytes with another checksum than the \(written.length) bytes written"
            )
        }
        let runs = await streamer.records.runs(unlessAllTo: SequenceNumber(object.last))
        return record(object, kept, runs, of: intent, as: form)
    }

    private func record(
        _ object: IntentRecord.Object, _ facts: ObjectFacts, _ runs: [Int]?, of intent: IntentRecord,
        as form: NumberedForm
    ) -> DeliveryRecord {
        DeliveryRecord(
            object: object.key, partition: partition.number.value, first: object.first, last: object.last,
            records: object.records, bytes: facts.length, crc32c: facts.crc32c,
            deliveredAt: services.time.now().milliseconds, deliveryFirst: intent.first, runs: runs, form: form.number)
    }

    /// Stores that the intent is done. Objects that were planned but are not delivered have lost records to retention:
    /// the position moves to what is left, or past the range when other objects of it have been written.
    private func conclude(
        _ intent: IntentRecord, _ delivered: [DeliveryRecord], begunAt start: Timestamp, after progress: ProgressRecord
    ) async throws -> ProgressRecord {
        var moved = progress
        let records = delivered.reduce(0) { $0 + $1.records }
        if delivered.isEmpty {
            // Nothing was written: what retention has left goes into another delivery, and the rest counts there.
            moved.next = intent.first
        } else {
            moved.next = intent.last + 1
            moved.delivered += records
            moved.deliveredBytes = (moved.deliveredBytes ?? 0) + delivered.reduce(0) { $0 + $1.bytes }
            moved.discarded += Int(intent.last - intent.first + 1) - records
            moved.lastDelivered = delivered.map(\.last).max() ?? moved.lastDelivered
            moved.lastTransferAt = services.time.now().milliseconds
        }
        var changes = [
            try TransferStore.put(TransferKeys.progress(task.id, partition.number), moved),
            CatalogChange.delete(TransferKeys.intent(task.id, partition.number), expecting: .present),
        ]
        let now = services.time.now()
        for delivery in delivered {
            changes += try TransferKeys.changes(adding: delivery, to: task.id)
            changes.append(
                try dumpLog.adding(
                    from: start, to: now, .succeeded, records: delivery.records, bytes: delivery.bytes,
                    object: delivery.object))
        }
        try await services.store.commit(changes, as: owner)
        let metrics = metrics
        metrics.records.increment(by: records)
        metrics.bytes.increment(by: delivered.reduce(0) { $0 + $1.bytes })
        metrics.objects.increment(by: delivered.count)
        return moved
    }
}

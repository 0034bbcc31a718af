internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

extension PartitionRunner {
    /// Carries out an intent and stores that it is done; returns the partition's progress after it.
    func fulfil(_ intent: IntentRecord, after progress: ProgressRecord) async throws -> ProgressRecord {
        let planned = try OBSDestination(planned: intent.descriptor)
        let sink = try services.sinks.sink(project: task.project, agency: planned.agency, bucket: planned.bucket)
        let start = services.time.now()
        var delivered: [DeliveryRecord] = []
        for object in intent.objects {
            let facts: ObjectFacts
            do {
                facts = try await withMemory(Self.deliveryShare(services.settings)) {
                    try await write(object, as: planned, to: sink)
                }
            } catch let error as RecordLogError where error.code == .trimmed {
                guard let kept = try await sink.examine(object.key) else { continue }
                facts = kept
            }
            delivered.append(
                DeliveryRecord(
                    object: object.key, partition: partition.number.value, first: object.first, last: object.last,
                    records: object.records, bytes: facts.length, crc32c: facts.crc32c,
                    deliveredAt: services.time.now().milliseconds, deliveryFirst: intent.first))
        }
        return try await conclude(intent, delivered, begunAt: start, after: progress)
    }

    /// Writes one object and makes sure by reading that the destination holds what was written.
    private func write(
        _ object: IntentRecord.Object, as planned: OBSDestination, to sink: any ObjectSink
    ) async throws -> ObjectFacts {
        let producer = TextObjectProducer(
            log: services.log, partition: partition, first: SequenceNumber(object.first),
            last: SequenceNumber(object.last), text: DelimitedText(delimiter: planned.delimiter),
            readSize: services.settings.readSize)
        try await sink.write(object.key, body: ObjectBody { try await producer.next() })
        let written = await producer.facts
        guard let kept = try await sink.examine(object.key) else {
            throw SinkError(.unavailable, "the destination confirmed the object \(object.key) but does not have it")
        }
        guard kept == written else {
            throw SinkError(
                .unavailable,
                "the object \(object.key) reads back as \(kept.length) bytes with another checksum than the \(written.length) bytes written"
            )
        }
        return kept
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

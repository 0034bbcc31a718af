internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

extension PartitionRunner {
    /// Objects of one delivery are collected together up to this size; a larger one is streamed by itself.
    private static let collectedSize = ByteCount.mebibytes(8).bytes

    /// Carries out an intent and stores that it is done; returns the partition's progress after it.
    func fulfil(_ intent: IntentRecord, after progress: ProgressRecord) async throws -> ProgressRecord {
        let planned = try OBSDestination(planned: intent.descriptor)
        let sink = try services.sinks.sink(project: task.project, agency: planned.agency, bucket: planned.bucket)
        let start = services.time.now()
        let sorter = RecordSorter(planned, generatedAt: Timestamp(milliseconds: intent.generatedAt))
        var delivered: [DeliveryRecord] = []
        for group in Self.groups(of: intent.objects) {
            do {
                delivered += try await withMemory(Self.deliveryShare(services.settings)) {
                    try await deliver(group, of: intent, as: planned, sorter, to: sink)
                }
            } catch let error as RecordLogError where error.code == .trimmed {
                // Too late to write them; those that an earlier attempt has written count.
                for object in group {
                    guard let kept = try await sink.examine(object.key) else { continue }
                    delivered.append(record(object, kept, nil, of: intent))
                }
            }
        }
        return try await conclude(intent, delivered, begunAt: start, after: progress)
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
        _ group: [IntentRecord.Object], of intent: IntentRecord, as planned: OBSDestination, _ sorter: RecordSorter?,
        to sink: any ObjectSink
    ) async throws -> [DeliveryRecord] {
        if let sorter, group.count > 1 {
            var records: [DeliveryRecord] = []
            let contents = try await collect(group, as: planned, sorter)
            for object in group {
                let content = contents[object.directory ?? ""]
                let pieces = PieceList(content.map { [$0.bytes] } ?? [])
                let facts = try await write(object, as: planned, to: sink) { await pieces.next() }
                records.append(record(object, facts, content?.runs.runs, of: intent))
            }
            return records
        }
        var records: [DeliveryRecord] = []
        for object in group {
            let reader = RangeReader(
                log: services.log, partition: partition, first: SequenceNumber(object.first),
                last: SequenceNumber(object.last), text: DelimitedText(delimiter: planned.delimiter),
                readSize: services.settings.readSize, sorter: sorter, directory: object.directory ?? "")
            let facts = try await write(object, as: planned, to: sink) { try await reader.next() }
            records.append(record(object, facts, await reader.runs, of: intent))
        }
        return records
    }

    /// Reads the part of the range that a group spans, and keeps what belongs to its directories.
    private func collect(
        _ group: [IntentRecord.Object], as planned: OBSDestination, _ sorter: RecordSorter
    ) async throws -> [String: (bytes: [UInt8], runs: RunTracker)] {
        let text = DelimitedText(delimiter: planned.delimiter)
        var contents: [String: (bytes: [UInt8], runs: RunTracker)] = [:]
        for object in group {
            contents[object.directory ?? ""] = ([], RunTracker(first: SequenceNumber(object.first)))
        }
        var position = SequenceNumber(group.map(\.first).min() ?? 0)
        let last = SequenceNumber(group.map(\.last).max() ?? -1)
        while position <= last {
            let batches = try await services.log.read(partition, from: position, limit: services.settings.readSize)
            guard !batches.isEmpty else {
                throw RecordLogError(.beyondEnd, "\(partition) ends at \(position), before the planned range does")
            }
            for stored in batches where position <= last {
                let skipped = position.distance(from: stored.first)
                try unsafe stored.batch.forEachRecord { index, record in
                    guard index >= skipped else { return true }
                    guard position <= last else { return false }
                    let directory = unsafe sorter.directory(of: record.data)
                    if var content = contents.removeValue(forKey: directory) {
                        unsafe text.append(record.data, to: &content.bytes)
                        content.runs.add(position)
                        contents[directory] = content
                    }
                    position = position.advanced(by: 1)
                    return true
                }
            }
        }
        return contents
    }

    /// Writes one object and makes sure by reading that the destination holds what was written.
    private func write(
        _ object: IntentRecord.Object, as planned: OBSDestination, to sink: any ObjectSink,
        from source: @escaping @Sendable () async throws -> [UInt8]?
    ) async throws -> ObjectFacts {
        let streamer = try ObjectStreamer(isCompressed: planned.isCompressed, source: source)
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
        return kept
    }

    private func record(
        _ object: IntentRecord.Object, _ facts: ObjectFacts, _ runs: [Int]?, of intent: IntentRecord
    ) -> DeliveryRecord {
        DeliveryRecord(
            object: object.key, partition: partition.number.value, first: object.first, last: object.last,
            records: object.records, bytes: facts.length, crc32c: facts.crc32c,
            deliveredAt: services.time.now().milliseconds, deliveryFirst: intent.first,
            runs: runs.flatMap { $0.count == 2 && $0[0] == 0 ? nil : $0 })
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

internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// The parked records of one delivery.
struct ParkedSummary: Sendable {
    var count = 0
    var bytes = 0
    /// Why the first of them was refused.
    var cause = ""
}

extension PartitionRunner {
    private static let pageSize = 500

    /// Stores records that did not convert. Nobody sees them before the delivery is concluded; the same record again
    /// replaces itself.
    func park(_ failures: [FailedRecord], errorObject: String) async throws {
        let now = services.time.now().milliseconds
        var rest = failures[...]
        while !rest.isEmpty {
            var changes: [CatalogChange] = []
            var bytes = 0
            while let failure = rest.first, changes.count < 2 * FailedRecord.batchCount,
                changes.isEmpty || bytes + failure.data.count <= FailedRecord.batchBytes
            {
                rest = rest.dropFirst()
                bytes += failure.data.count
                let entry = ParkedEntry(
                    cause: failure.cause, attempts: 1, timestamp: failure.timestamp.milliseconds, key: failure.key,
                    bytes: failure.data.count, parkedAt: now, lastAttemptAt: now, errorObject: errorObject)
                changes += [
                    try TransferStore.put(TransferKeys.parked(task.id, partition.number, failure.number), entry),
                    .put(TransferKeys.parkedData(task.id, partition.number, failure.number), failure.data),
                ]
            }
            try await services.store.commit(changes, as: owner)
        }
    }

    /// Calls `body` with the entries of the intent's range, page by page.
    private func forEachEntry(
        of intent: IntentRecord, _ body: ([(number: Int64, entry: ParkedEntry)]) async throws -> Void
    ) async throws {
        var position = intent.first
        while true {
            let page = try await services.store.parked(
                task.id, partition.number, from: position, to: intent.last, limit: Self.pageSize)
            guard let last = page.last else { return }
            try await body(page.map { ($0.number, $0.stored.record) })
            position = last.number + 1
        }
    }

    /// An earlier attempt may have parked records that now convert, as after an upgrade: what an object of this attempt
    /// holds is not parked. When nothing came of the delivery, nothing is.
    func forgetStaleEntries(of intent: IntentRecord, _ outcome: DeliveryOutcome) async throws {
        let written = outcome.delivered.filter { outcome.written.contains($0.object) }
        try await forEachEntry(of: intent) { entries in
            let stale = entries.map(\.number).filter { number in
                outcome.hasNothing
                    || (!outcome.failed.contains(number) && written.contains { $0.holds(number) })
            }
            guard !stale.isEmpty else { return }
            try await services.store.commit(
                stale.flatMap { number in
                    [
                        .delete(TransferKeys.parked(task.id, partition.number, number)),
                        .delete(TransferKeys.parkedData(task.id, partition.number, number)),
                    ]
                }, as: owner)
        }
    }

    func summaryOfParked(in intent: IntentRecord) async throws -> ParkedSummary {
        var summary = ParkedSummary()
        try await forEachEntry(of: intent) { entries in
            for (_, entry) in entries {
                if summary.count == 0 { summary.cause = entry.cause }
                summary.count += 1
                summary.bytes += entry.bytes
            }
        }
        return summary
    }

    /// Writes the delivery's parked records as they came, one a line, where people look for them (spec section 4.3.1).
    func writeErrorObject(_ key: String, of intent: IntentRecord, to sink: any ObjectSink) async throws {
        let reader = ParkedReader(
            store: services.store, task: task.id, partition: partition.number, position: intent.first,
            last: intent.last)
        _ = try await ObjectStreamer(reader, as: .lines, first: SequenceNumber(intent.first)).write(key, to: sink)
    }

    /// The ledger entry of an object that an earlier attempt has written, and whose records retention has passed since:
    /// all that was planned for it, without what was parked.
    func recordOfTrimmed(
        _ object: IntentRecord.Object, _ facts: ObjectFacts, _ intent: IntentRecord, _ form: NumberedForm,
        _ sorter: RecordSorter?
    ) async throws -> DeliveryRecord {
        var reader = ParkedReader(
            store: services.store, task: task.id, partition: partition.number, position: object.first,
            last: object.last, selection: sorter.map { .directory(object.directory ?? "", $0) } ?? .all)
        var parked: Set<Int64> = []
        while let portion = try await reader.next() {
            try unsafe portion.forEach { number, _ in parked.insert(number.value) }
        }
        var runs: [Int]?
        if sorter == nil ? !parked.isEmpty : object.runs != nil {
            let planned =
                object.runs.map { RecordRuns($0, from: object.first).ranges } ?? [object.first...object.last]
            var tracker = RunTracker(first: SequenceNumber(object.first))
            for range in planned {
                for number in range where !parked.contains(number) { tracker.add(SequenceNumber(number)) }
            }
            runs = tracker.runs(unlessAllTo: SequenceNumber(object.last))
        }
        return record(object, facts, runs, records: object.records - parked.count, of: intent, as: form)
    }

    /// A task with too many parked records goes no further before somebody has looked at them. It waits for those that
    /// are to be replayed.
    func checkParkedLimit() async throws {
        guard destination.fileType == .parquet else { return }
        while let reason = try await reasonToStop() {
            let marks = try await services.store.catalog.list(
                prefix: TransferKeys.marks(task.id), after: nil, limit: 1)
            guard !marks.isEmpty else { throw PermanentFault(reason: reason) }
            try await services.time.sleep(for: services.settings.retryPause)
        }
    }

    private func reasonToStop() async throws -> String? {
        let store = services.store
        var count = 0
        var bytes = 0
        for (_, progress) in try await store.all(under: TransferKeys.progress(task.id), as: ProgressRecord.self) {
            count += progress.parked
            bytes += progress.parkedBytes ?? 0
        }
        for (_, settled) in try await store.all(under: TransferKeys.settled(task.id), as: SettledRecord.self) {
            count -= settled.count
            bytes -= settled.bytes
        }
        let settings = services.settings
        guard count >= settings.parkedRecordsMax || bytes >= settings.parkedSizeMax.bytes else { return nil }
        return "\(count) records with \(bytes) bytes are parked, as many as a task may have: "
            + "replay or discard them, then start the task"
    }
}

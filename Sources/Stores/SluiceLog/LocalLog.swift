package import Observability
package import SluiceCore
package import SluicePorts
internal import Synchronization

/// The record log on local segment files: one write path, one sync for all that waits, verified reads.
///
/// Format and rules of recovery: docs/LOG_FORMAT.md.
package final class LocalLog: RecordLog {
    /// What opening found and did.
    package struct Recovery: Sendable, Equatable {
        package var segments = 0
        /// Batches read in the newest segment.
        package var scannedBatches = 0
        /// Offset in the newest segment where the log goes on.
        package var end = 0
        /// Batches of a round that was never acknowledged, found torn behind the end and made void.
        package var tornBatches = 0
        /// Sealed segments whose index was missing or damaged and was made again.
        package var rebuiltIndexes = 0
        /// Segments whose beginning had not become durable.
        package var discardedSegments = 0
    }

    /// Figures of the moment.
    package struct Statistics: Sendable, Equatable {
        package var partitions: Int
        package var segments: Int
        /// Lengths of all segment files, spare ones included.
        package var diskBytes: ByteCount
        package var cachedBytes: ByteCount
        package var records: Int
        package var syncs: Int
    }

    /// Longest stream name that the format holds, in bytes of UTF-8.
    static let streamNameLimit = 1024

    package let recovery: Recovery
    private let shared: LogShared
    private let writer: LogWriter
    private let maintenance: LogMaintenance
    /// For reads that may wait for the disk; those served from memory never come here. Each is a suspended caller, so
    /// the callers' number bounds the queue. All three are nil when everything happens on the caller's thread.
    private let readers: WorkerThreads<@Sendable () -> Void>?
    private let writerThread: WorkerThreads<Void>?
    private let maintenanceThread: WorkerThreads<Void>?
    private let lock: any FileLock

    private init(_ opened: LogRecovery.Opened) {
        recovery = opened.report
        shared = opened.shared
        lock = opened.lock
        let writer = LogWriter(opened.shared, active: opened.active)
        let maintenance = LogMaintenance(opened.shared)
        self.writer = writer
        self.maintenance = maintenance
        switch opened.shared.configuration.threading {
        case .inline:
            writerThread = nil
            maintenanceThread = nil
            readers = nil
        case .ownThreads:
            writerThread = WorkerThreads(named: "log-writer") { writer.run() }
            maintenanceThread = WorkerThreads(named: "log-maintain") { maintenance.run() }
            readers = WorkerThreads(named: "log-reader", count: opened.shared.configuration.readerThreads)
        }
    }

    /// Opens the log in a folder, made when needed; recovers what a crash has left. Blocks.
    ///
    /// Throws `damaged`, naming file and offset, where durable bytes have changed, and `unavailable` when another
    /// process has the log open or the disk fails. Nothing is changed then.
    package static func open(
        directory: String, configuration: LogConfiguration, fileSystem: any FileSystem, time: any TimeSource,
        logger: Logger, metrics: MetricsRegistry
    ) throws(RecordLogError) -> LocalLog {
        let files = LogFiles(
            directory: directory, fileSystem: fileSystem, configuration: configuration, time: time)
        let shared = LogShared(
            configuration: configuration, files: files, time: time, logger: logger, metrics: metrics)
        var recovery = LogRecovery(shared)
        let log = LocalLog(try recovery.open())
        do throws(ThreadError) {
            try log.writerThread?.start()
            try log.maintenanceThread?.start()
            try log.readers?.start()
        } catch {
            throw RecordLogError(.unavailable, "\(error)")
        }
        if let writerThread = log.writerThread, let maintenanceThread = log.maintenanceThread {
            shared.connect(writer: { writerThread.signal() }, maintenance: { maintenanceThread.signal() })
            shared.wakeMaintenance()
        } else {
            let writer = log.writer
            shared.connect(writer: { [weak writer] in writer?.run() }, maintenance: nil)
        }
        return log
    }

    /// Takes no more calls, finishes those under way, and leaves the log so that the next start is quick.
    package func shutDown() async {
        shared.queue.close()
        shared.state.withLock { $0.isClosed = true }
        shared.waiters.wakeAll()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let stop = { @Sendable [self] in
                finish()
                continuation.resume()
            }
            // Stopping the log's threads blocks.
            do throws(ThreadError) {
                if writerThread == nil { stop() } else { try OwnThread.start(named: "log-stop", stop) }
            } catch {
                stop()
            }
        }
    }

    /// Segments shorter than this are scanned at the next start rather than sealed at the end.
    private static let scanAtStart = 16 << 20

    private func finish() {
        writerThread?.stop()
        writer.run()
        shared.connect(writer: nil, maintenance: nil)
        maintenanceThread?.stop()
        if writer.offset > Self.scanAtStart {
            do throws(FileError) {
                try writer.roll()
            } catch {
                shared.report(error, "the active segment could not be sealed; the next start scans it")
            }
        }
        writer.mark()
        maintenance.writeIndexes()
        readers?.stop()
        lock.release()
    }

    package var statistics: Statistics {
        let spares = shared.files.spares.reduce(0) { $0 + $1.size }
        return shared.state.withLock { state in
            Statistics(
                partitions: state.table.count, segments: state.segments.count,
                diskBytes: ByteCount(state.segments.reduce(spares) { $0 + $1.diskSize }),
                cachedBytes: ByteCount(state.cache.bytes), records: shared.metrics.records.value,
                syncs: shared.metrics.syncs.value)
        }
    }

    // MARK: - Writing

    private func submit(_ item: LogItem) {
        shared.submit(item)
        if maintenanceThread == nil { maintenance.run() }
    }

    private func submit(_ work: LogItem.Work) async throws(RecordLogError) {
        let results = await withCheckedContinuation { continuation in
            submit(LogItem(work) { continuation.resume(returning: $0) })
        }
        for result in results { _ = try result.get() }
    }

    package func append(_ batches: [PartitionAppend]) async -> [Result<AppendOutcome, RecordLogError>] {
        if batches.isEmpty { return [] }
        let pending = batches.map { append in
            PendingBatch(
                partition: append.partition, batch: append.batch, checksum: CRC32C.checksum(append.batch.bytes))
        }
        return await withCheckedContinuation { continuation in
            submit(LogItem(.append(pending)) { continuation.resume(returning: $0) })
        }
    }

    package func createPartitions(_ partitions: [PartitionID]) async throws(RecordLogError) {
        for id in partitions
        where id.stream.text.utf8.count > Self.streamNameLimit || !(0...Int(Int32.max)).contains(id.number.value) {
            throw RecordLogError(.unknownPartition, "\(id) cannot be a partition")
        }
        try await submit(.create(partitions))
    }

    package func deletePartitions(_ partitions: [PartitionID]) async throws(RecordLogError) {
        try await submit(.delete(partitions))
    }

    package func trim(_ partition: PartitionID, before first: SequenceNumber) async throws(RecordLogError) {
        try await submit(.trim([LogItem.TrimRequest(partition: partition, first: first)]))
    }

    // MARK: - Reading

    package func bounds(of partition: PartitionID) throws(RecordLogError) -> PartitionBounds {
        let slot = try shared.state.withLock { state throws(RecordLogError) in try state.slot(partition) }
        return PartitionBounds(first: SequenceNumber(slot.first), next: SequenceNumber(slot.next))
    }

    package func size(of partition: PartitionID, from start: SequenceNumber) throws(RecordLogError) -> ByteCount {
        try shared.state.withLock { state throws(RecordLogError) in try state.size(of: partition, from: start) }
    }

    package func read(_ partition: PartitionID, from start: SequenceNumber, limit: ByteCount)
        async throws(RecordLogError) -> [StoredBatch]
    {
        let plan = try shared.state.withLock { state throws(RecordLogError) in
            try state.plan(partition, from: start, limit: limit)
        }
        if let batches = plan.fromMemory { return batches }
        let reader = LogReader(shared)
        return try await reading {
            Result { () throws(RecordLogError) in
                try reader.read { state, loaded throws(RecordLogError) in
                    try state.plan(partition, from: start, limit: limit, loaded: loaded)
                }
            }
        }.get()
    }

    package func sequenceNumber(in partition: PartitionID, atOrAfter time: Timestamp)
        async throws(RecordLogError) -> SequenceNumber
    {
        let reader = LogReader(shared)
        return try await reading {
            Result { () throws(RecordLogError) in
                try reader.sequenceNumber(in: partition, atOrAfter: time)
            }
        }.get()
    }

    /// Runs what waits for the disk on a thread for that; on the caller's when there is none, as after the end.
    private func reading<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        if let readers, let value = await readers.run(body) { return value }
        return body()
    }

    package func waitForRecords(in partition: PartitionID, above position: SequenceNumber)
        async throws(RecordLogError)
    {
        try await shared.waiters.wait(for: partition) { () throws(RecordLogError) -> Bool in
            try bounds(of: partition).next > position
        }
    }
}

import Foundation
import Observability
import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization

/// Streams as a test wants them; changes wake whoever waits.
final class TestStreams: StreamLookup {
    private struct State {
        var streams: [StreamID: StreamDescription] = [:]
        var waiters: [(id: StreamID, version: Int64, continuation: CheckedContinuation<Bool, Never>, number: Int)] = []
        var count = 0
        /// What the next look by id sees instead.
        var momentary: StreamDescription?
    }

    private let state = Mutex(State())

    /// Whether the stream is as it was for a moment only, and nobody has seen that yet.
    var isMomentary: Bool { state.withLock { $0.momentary != nil } }

    /// The next look by id finds that; whoever waits for changes hears nothing of it.
    func showOnce(_ stream: StreamDescription) { state.withLock { $0.momentary = stream } }

    func set(_ stream: StreamDescription?, id: StreamID) {
        let woken = state.withLock { state in
            state.streams[id] = stream
            let woken = state.waiters.filter { $0.id == id }
            state.waiters.removeAll { $0.id == id }
            return woken
        }
        for waiter in woken { waiter.continuation.resume(returning: true) }
    }

    func describe(_ reference: String, in project: ProjectID) async throws(StreamLookupError) -> StreamDescription? {
        state.withLock { state in
            state.streams.values.first {
                $0.project == project && ($0.id.text == reference || $0.name.text == reference)
            }
        }
    }

    func describe(_ id: StreamID) async throws(StreamLookupError) -> StreamDescription? {
        state.withLock { $0.momentary.take() ?? $0.streams[id] }
    }

    func waitForChange(of id: StreamID, since version: Int64) async throws(StreamLookupError) -> StreamDescription? {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let isChanged = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.streams[id]?.version != version { return true }
                    state.waiters.append((id, version, continuation, number))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: false)
        }
        guard isChanged else { throw StreamLookupError(.cancelled, "cancelled") }
        return state.withLock { $0.streams[id] }
    }
}

/// A bucket in memory that fails when told to.
final class TestBucket: ObjectSink, ObjectSinkProvider {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        var writes: [String] = []
        var prepareFailures: [SinkError] = []
        var writeFailures: [(error: SinkError, isAfterSuccess: Bool)] = []
    }

    private let state = Mutex(State())

    var objects: [String: String] {
        state.withLock { $0.objects.mapValues { String(decoding: $0, as: UTF8.self) } }
    }
    /// The keys of all writes, in order.
    var writes: [String] { state.withLock(\.writes) }

    func failPrepare(_ errors: SinkError...) { state.withLock { $0.prepareFailures += errors } }
    func failWrite(_ error: SinkError, afterSuccess: Bool = false) {
        state.withLock { $0.writeFailures.append((error, afterSuccess)) }
    }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }

    func prepare() async throws(SinkError) {
        let failure = state.withLock { $0.prepareFailures.isEmpty ? nil : $0.prepareFailures.removeFirst() }
        if let failure { throw failure }
    }

    func write(_ key: String, body: ObjectBody) async throws {
        let failure = state.withLock { state in
            state.writes.append(key)
            return state.writeFailures.isEmpty ? nil : state.writeFailures.removeFirst()
        }
        if let failure, !failure.isAfterSuccess { throw failure.error }
        var bytes: [UInt8] = []
        while let piece = try await body.next() { bytes += piece }
        state.withLock { $0.objects[key] = bytes }
        if let failure { throw failure.error }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        state.withLock { $0.objects[key] }.map(body) != nil
    }
}

/// One stream with its log, catalog, bucket and clock, and the service over them.
struct TestHouse: Sendable {
    let project = ProjectID("p1")!
    let id = StreamID("S1")
    let streams = TestStreams()
    let log = MemoryRecordLog()
    let catalog: any Catalog
    let bucket: any ObjectSinkProvider
    let time = ManualTime()
    let tasks: TransferTasks

    init(
        partitions: Int = 1, dataType: StreamDataType = .blob, schema: String? = nil,
        catalog: any Catalog = MemoryCatalog(), bucket: any ObjectSinkProvider = TestBucket(),
        metrics: MetricsRegistry = MetricsRegistry(), configure: (inout TransferSettings) -> Void = { _ in }
    ) async throws {
        self.catalog = catalog
        self.bucket = bucket
        var settings = TransferSettings()
        settings.minimumDeliverIntervalSeconds = 1
        configure(&settings)
        tasks = TransferTasks(
            catalog: catalog, log: log, streams: streams, sinks: bucket, time: time, settings: settings,
            metrics: metrics)
        try await setPartitions(partitions, dataType: dataType, schema: schema, version: 1)
    }

    func setPartitions(
        _ count: Int, dataType: StreamDataType = .blob, schema: String? = nil, version: Int64
    ) async throws {
        try await log.createPartitions((0..<count).map { partition($0) })
        let description = StreamDescription(
            id: id, name: StreamName("meters")!, project: project, dataType: dataType, dataSchema: schema,
            partitions: (0..<count).map { PartitionDescription(number: PartitionNumber($0)) }, version: version)
        streams.set(description, id: id)
    }

    func partition(_ number: Int) -> PartitionID { PartitionID(stream: id, number: PartitionNumber(number)) }

    func put(_ records: [String], partition number: Int = 0) async throws {
        var builder = RecordBatchBuilder()
        for record in records { builder.append(data: Array(record.utf8), timestamp: time.now()) }
        guard let batch = builder.finish() else { return }
        for result in await log.append([PartitionAppend(partition: partition(number), batch: batch)]) {
            _ = try result.get()
        }
    }

    func descriptor(_ name: String = "to-lake", _ change: (inout OBSDescriptor) -> Void = { _ in }) -> OBSDescriptor {
        var descriptor = OBSDescriptor()
        descriptor.taskName = name
        descriptor.obsBucketPath = "lake"
        descriptor.consumerStrategy = "TRIM_HORIZON"
        descriptor.deliverTimeInterval = 60
        change(&descriptor)
        return descriptor
    }

    /// Runs the service in the background while `body` lasts.
    func running<Result: Sendable>(_ body: @Sendable @escaping () async throws -> Result) async throws -> Result {
        try await Self.running(tasks, body)
    }

    static func running<Result: Sendable>(
        _ tasks: TransferTasks, _ body: @Sendable @escaping () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await tasks.run()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let end = try await group.next() {
                if let end { return end }
            }
            throw CancellationError()
        }
    }

    func show(_ name: String = "to-lake") async throws -> TransferTaskDetails {
        try await tasks.show(name, on: "meters", in: project)
    }

    /// Advances the clock whenever everything sleeps, until `condition` holds; bounded by a number of yields.
    func advance(
        by step: Duration = .seconds(1), until condition: @Sendable () async throws -> Bool
    ) async throws {
        for round in 0..<200_000 {
            if try await condition() { return }
            await Task.yield()
            if round % 20 == 19 { time.advance(by: step) }
        }
        throw TestFailure("the condition did not come true")
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

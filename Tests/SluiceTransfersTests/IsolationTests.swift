import Dispatch
import Foundation
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization
import Testing

@testable import SluiceSinkObject

/// Tasks whose destinations are in trouble leave memory for the others: without that, the healthy task of these tests
/// would wait for ever.
@Suite(.timeLimit(.minutes(1))) struct IsolationTests {
    @Test(arguments: TroubledStore.Trouble.allCases)
    func troubleElsewhereLeavesAHealthyTaskItsMemory(trouble: TroubledStore.Trouble) async throws {
        let store = TroubledStore(trouble)
        let partitions = 4
        // Room for six deliveries at a time; the troubled tasks together ask for sixteen.
        let house = try await TestHouse(partitions: partitions, bucket: store) {
            $0.memoryTotal = .mebibytes(128)
            $0.objectSizeMax = ByteCount(1)
        }
        for partition in 0..<partitions { try await house.put(["a", "b", "c"], partition: partition) }
        try await house.running {
            let created = house.time.elapsed()
            for number in 0..<4 {
                try await house.tasks.create(
                    house.descriptor("bad\(number)") { $0.agencyName = "bad" }, on: "meters", in: house.project)
            }
            try await house.advance { store.hanging > 0 && house.time.elapsed() - created > .seconds(200) }
            try await house.tasks.create(
                house.descriptor("good") { $0.agencyName = "good" }, on: "meters", in: house.project)
            try await house.advance { store.good.objects.count == 3 * partitions }
        }
    }
}

/// A folder on a file system that hangs, as one of a network's may: its task can be stopped, others go on, and the server
/// ends.
@Suite(.timeLimit(.minutes(1))) struct HangingFolderTests {
    @Test(arguments: [false, true]) func onlyItsOwnTaskHangs(isStopped: Bool) async throws {
        let store = HangingStore()
        let house = try await TestHouse(bucket: store)
        try await house.put(["a", "b"])
        try await house.running {
            try await house.tasks.create(
                house.descriptor("bad") { $0.agencyName = "bad" }, on: "meters", in: house.project)
            await store.hang()
            try await house.tasks.create(
                house.descriptor("good") { $0.agencyName = "good" }, on: "meters", in: house.project)
            try await house.advance { store.good.objects.count == 1 }
            #expect(try await house.show("bad").partitions[0].next == .zero)
            if isStopped {
                try await house.tasks.stop(["bad"], on: "meters", in: house.project)
                #expect(try await house.show("bad").summary.state == .paused)
                try await house.tasks.start(["bad"], on: "meters", in: house.project)
            }
        }
        // The service has ended with the task still hanging.
        #expect(house.tasks.jobCount == 0)
        store.recover()
        try await house.running {
            try await house.advance { try await house.show("bad").partitions[0].next == SequenceNumber(2) }
        }
    }

    /// The server verifies one object at a time: one that hangs would keep all others from it.
    @Test func verificationEndsWhereTheFolderHangs() async throws {
        let store = HangingStore()
        let house = try await TestHouse(bucket: store)
        try await house.put(["a", "b"])
        try await house.running {
            for agency in ["bad", "good"] {
                try await house.tasks.create(
                    house.descriptor(agency) { $0.agencyName = agency }, on: "meters", in: house.project)
                try await house.advance { try await house.show(agency).partitions[0].next == SequenceNumber(2) }
            }
        }
        await store.hang()
        let bad = Task { try await house.tasks.verification(of: "bad", on: "meters", in: house.project) }
        let good = Task { try await house.tasks.verification(of: "good", on: "meters", in: house.project) }
        let isOver = Mutex(false)
        let waiting = Task {
            _ = try await (bad.value, good.value)
            isOver.withLock { $0 = true }
        }
        try await house.advance { isOver.withLock { $0 } }
        try await waiting.value
        let found = try await bad.value.verifications
        #expect(found.map(\.state) == [.unreadable] && found[0].message.contains("gave nothing"))
        #expect(try await good.value.verifications.map(\.state) == [.ok])
        store.recover()
        #expect(
            try await house.tasks.verification(of: "bad", on: "meters", in: house.project).verifications.map(\.state)
                == [.ok])
    }
}

/// Buckets in memory, but for the agency `bad` in a folder that hangs when told to.
private final class HangingStore: ObjectSinkProvider {
    let good = TestBucket()
    private let root = NSTemporaryDirectory() + "sluice-hanging-\(UInt64.random(in: 0 ... .max))"
    private let folders: FolderBuckets
    private let gate = DispatchSemaphore(value: 0)

    init() { folders = FolderBuckets(root: root) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        agency == "bad" ? try folders.sink(project: project, agency: agency, bucket: bucket) : good
    }

    /// Returns when both threads of the folder hang in a call.
    func hang() async {
        let (hanging, entered) = AsyncStream.makeStream(of: Void.self)
        for _ in 0..<2 {
            Task { [folders, gate] in
                await folders.threads.runUntilCancelled { _ in
                    entered.yield()
                    gate.wait()
                }
            }
        }
        var count = 0
        for await _ in hanging {
            count += 1
            if count == 2 { return }
        }
    }

    func recover() { for _ in 0..<2 { gate.signal() } }
}

/// A store whose bucket for the agency `bad` ends in hanging.
final class TroubledStore: ObjectSinkProvider {
    enum Trouble: CaseIterable, Sendable {
        case hangsAtOnce
        /// Every task has seen an error before.
        case failsThenHangs
    }

    let good = TestBucket()
    private let trouble: Trouble
    private let writes = Mutex((failed: 0, hanging: 0))
    /// Failures before the store begins to hang: some for each task.
    private static let failuresMax = 40

    init(_ trouble: Trouble) {
        self.trouble = trouble
    }

    /// Writes that wait for ever.
    var hanging: Int { writes.withLock(\.hanging) }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        agency == "bad" ? BadBucket(store: self) : good
    }

    fileprivate func write() async throws {
        let fails = writes.withLock { writes in
            guard trouble == .failsThenHangs, writes.failed < Self.failuresMax else {
                writes.hanging += 1
                return false
            }
            writes.failed += 1
            return true
        }
        if fails { throw SinkError(.unavailable, "no answer") }
        await Signal().wait()
        throw CancellationError()
    }
}

private struct BadBucket: ObjectSink {
    let store: TroubledStore

    func prepare() async throws(SinkError) {}
    func write(_ key: String, body: ObjectBody) async throws { try await store.write() }
    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool { false }
}

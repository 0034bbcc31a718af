import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct OperationTests {
    func code(_ body: () async throws -> Void) async throws -> TransferError.Code? {
        do {
            try await body()
            return nil
        } catch let error as TransferError {
            return error.code
        }
    }

    @Test func fiveTasksAStreamWithUniqueNames() async throws {
        let house = try await TestHouse()
        for index in 1...5 {
            let summary = try await house.tasks.create(house.descriptor("t\(index)"), on: "S1", in: house.project)
            #expect(summary.state == .running && summary.task.id.text.count == 20)
        }
        #expect(
            try await code { try await house.tasks.create(house.descriptor("t3"), on: "meters", in: house.project) }
                == .taskExists)
        #expect(
            try await code { try await house.tasks.create(house.descriptor("t6"), on: "meters", in: house.project) }
                == .quotaExceeded)
        try await house.tasks.delete("t3", on: "meters", in: house.project)
        try await house.tasks.create(house.descriptor("t3"), on: "meters", in: house.project)
        #expect(
            try await house.tasks.list(on: "meters", in: house.project).map(\.task.name) == [
                "t1", "t2", "t4", "t5", "t3",
            ])
    }

    @Test func unknownThingsAreNamed() async throws {
        let house = try await TestHouse()
        let other = try #require(ProjectID("p2"))
        #expect(try await code { _ = try await house.tasks.list(on: "nope", in: house.project) } == .streamNotFound)
        #expect(try await code { _ = try await house.tasks.list(on: "meters", in: other) } == .streamNotFound)
        #expect(
            try await code { try await house.tasks.create(house.descriptor(), on: "S1", in: other) } == .streamNotFound)
        #expect(try await code { _ = try await house.show() } == .taskNotFound)
        #expect(try await code { try await house.tasks.delete("x", on: "meters", in: house.project) } == .taskNotFound)
        #expect(
            try await code { try await house.tasks.update(house.descriptor(), on: "meters", in: house.project) }
                == .taskNotFound)
        #expect(try await code { try await house.tasks.stop([], on: "meters", in: house.project) } == .invalidRequest)
    }

    @Test func aBatchWithAnUnknownTaskChangesNothing() async throws {
        let house = try await TestHouse()
        let a = try await house.tasks.create(house.descriptor("a"), on: "meters", in: house.project)
        try await house.tasks.create(house.descriptor("b"), on: "meters", in: house.project)
        do {
            try await house.tasks.stop([a.task.id.text, "b", "ghost"], on: "meters", in: house.project)
            Issue.record("was accepted")
        } catch {
            #expect(error.code == .taskNotFound && error.message.contains("ghost"))
        }
        #expect(try await house.tasks.list(on: "meters", in: house.project).map(\.state) == [.running, .running])
        for twice in [["b", "b"], [a.task.id.text, "b", "a"]] {
            #expect(
                try await code { try await house.tasks.stop(twice, on: "meters", in: house.project) } == .invalidRequest
            )
            #expect(try await house.tasks.list(on: "meters", in: house.project).map(\.state) == [.running, .running])
        }
        // By id and by name, and again: all the same.
        for _ in 0..<2 {
            try await house.tasks.stop([a.task.id.text, "b"], on: "meters", in: house.project)
            #expect(try await house.tasks.list(on: "meters", in: house.project).map(\.state) == [.paused, .paused])
        }
        for _ in 0..<2 {
            try await house.tasks.start(["b"], on: "meters", in: house.project)
            #expect(try await house.tasks.list(on: "meters", in: house.project).map(\.state) == [.paused, .running])
        }
    }

    @Test(arguments: [
        (SinkError.Code.notFound, TransferError.Code.bucketNotFound), (.unknownDestination, .bucketNotFound),
        (.accessDenied, .destinationFailed), (.unavailable, .destinationFailed),
    ])
    func anUnreachableDestinationRefusesCreation(sink: SinkError.Code, expected: TransferError.Code) async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        bucket.failPrepare(SinkError(sink, "no"))
        #expect(
            try await code { try await house.tasks.create(house.descriptor(), on: "meters", in: house.project) }
                == expected)
        #expect(try await house.catalog.list(prefix: CatalogKey(""), after: nil, limit: 1).isEmpty)
    }

    @Test func aDestinationThatDoesNotAnswerRefusesWithinABound() async throws {
        let silent = SilentDestination()
        let house = try await TestHouse(bucket: silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let refusal = try await code {
                    try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
                }
                #expect(refusal == .destinationFailed)
            }
            // Others are not kept waiting meanwhile.
            try await house.advance(by: .zero) { house.time.sleeperCount == 1 && silent.isAsked }
            #expect(
                try await code { try await house.tasks.stop(["x"], on: "meters", in: house.project) } == .taskNotFound)
            house.time.advance(by: .seconds(10))
            try await group.waitForAll()
        }
        #expect(silent.cancellations == 1)
        #expect(try await house.catalog.list(prefix: CatalogKey(""), after: nil, limit: 1).isEmpty)
    }

    @Test func aStreamThatIsDeletedMeanwhileGetsNoTask() async throws {
        let silent = SilentDestination()
        let house = try await TestHouse(bucket: silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let refusal = try await code {
                    try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
                }
                #expect(refusal == .streamNotFound)
            }
            try await house.advance(by: .zero) { silent.isAsked }
            house.streams.set(nil, id: house.id)
            silent.answer()
            try await group.waitForAll()
        }
        #expect(try await house.catalog.list(prefix: CatalogKey(""), after: nil, limit: 1).isEmpty)
    }

    @Test func anUnreachableDestinationRefusesAnUpdate() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
        let before = try await house.catalog.list(prefix: CatalogKey(""), after: nil, limit: 100)
        for (fault, expected) in [
            (SinkError.Code.notFound, TransferError.Code.bucketNotFound), (.accessDenied, .destinationFailed),
            (.unavailable, .destinationFailed), (.throttled, .destinationFailed), (.full, .destinationFailed),
        ] {
            bucket.failPrepare(SinkError(fault, "no"))
            let refusal = try await code {
                try await house.tasks.update(
                    house.descriptor { $0.filePrefix = "new" }, on: "meters", in: house.project)
            }
            #expect(refusal == expected)
            #expect(try await house.catalog.list(prefix: CatalogKey(""), after: nil, limit: 100) == before)
        }
    }

    @Test func aTaskWhoseDestinationIsRemovedStopsWithAReason() async throws {
        let bucket = OptionalDestination()
        let house = try await TestHouse(bucket: bucket)
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.put(["a"])
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
            bucket.isThere = false
            try await house.put(["b"])
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason.contains("removed"))
            // Starting it does not help as long as the destination is gone.
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .error }
            bucket.isThere = true
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(2) }
            // An update chooses anew: then the fallback is what the task was made for.
            bucket.isThere = false
            try await house.tasks.update(house.descriptor(), on: "meters", in: house.project)
            try await house.put(["c"])
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(3) }
        }
        #expect(try await TransferTask.all(in: house.catalog).map(\.name) == ["to-lake"])
    }

    /// A delivery that was begun is finished where it was to go, also when the update chose a destination of another kind.
    @Test(arguments: [true, false]) func anUpdateLeavesADeliveryThatWasBegunWhereItIs(wasConfigured: Bool) async throws
    {
        let places = AgencyDestinations(configured: wasConfigured ? ["old"] : ["new"])
        let house = try await TestHouse(bucket: places)
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.agencyName = "old" }, on: "meters", in: house.project)
            places.old.failWrite(SinkError(.unavailable, "away"))
            try await house.advance { try await house.show().summary.state == .abnormal }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            try await house.tasks.update(
                house.descriptor { $0.agencyName = "new" }, on: "meters", in: house.project)
            try await house.put(["b"])
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance {
                let task = try await house.show()
                return task.partitions[0].next == SequenceNumber(2) || task.summary.state == .error
            }
            #expect(try await house.show().summary.reason == "")
            #expect(places.old.objects.values.map { $0 } == ["a\n"] && places.new.objects.values.map { $0 } == ["b\n"])
            let page = try await house.tasks.verification(of: "to-lake", on: "meters", in: house.project)
            #expect(page.verifications.map(\.state) == [.ok, .ok])
        }
    }

    /// It never falls back to a folder: what was begun for a destination that is gone waits for it.
    @Test func anUpdateDoesNotSendADeliveryThatWasBegunIntoAFolder() async throws {
        let places = AgencyDestinations(configured: ["old"])
        let house = try await TestHouse(bucket: places)
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.agencyName = "old" }, on: "meters", in: house.project)
            places.old.failWrite(SinkError(.unavailable, "away"))
            try await house.advance { try await house.show().summary.state == .abnormal }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            places.configure([])
            try await house.tasks.update(
                house.descriptor { $0.agencyName = "new" }, on: "meters", in: house.project)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason.contains("agency old"))
            places.configure(["old"])
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
        }
        #expect(places.old.objects.values.map { $0 } == ["a\n"] && places.new.objects.isEmpty)
    }

    @Test func anUpdateKeepsStrategyPositionAndState() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
            let changed = house.descriptor {
                $0.recordDelimiter = ";"
                $0.consumerStrategy = "LATEST"
                $0.filePrefix = "new"
            }
            try await house.tasks.update(changed, on: "meters", in: house.project)
            let task = try await house.show().summary
            #expect(task.state == .running && task.task.descriptor.consumerStrategy == "TRIM_HORIZON")
            try await house.put(["b"])
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(2) }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            try await house.tasks.update(changed, on: "meters", in: house.project)
            #expect(try await house.show().summary.state == .paused)
        }
        #expect(bucket.objects["new/meters_to-lake_shardId-0000000000_00000000000000000001_1.txt"] == "b;")
    }
}

/// Answers when told to; counts how often somebody stopped waiting.
private final class SilentDestination: ObjectSink, ObjectSinkProvider {
    private let time = ManualTime()
    private let count = Mutex(0)

    func answer() { time.advance(by: .seconds(3600)) }
    var isAsked: Bool { time.sleeperCount == 1 }
    var cancellations: Int { count.withLock { $0 } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }

    func prepare() async throws(SinkError) {
        do {
            try await time.sleep(for: .seconds(3600))
        } catch {
            count.withLock { $0 += 1 }
            throw SinkError(.cancelled, "cancelled")
        }
    }

    func write(_ key: String, body: ObjectBody) async throws {}
    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool { false }
}

/// A configured destination that can be removed; the same bucket is the fallback.
private final class OptionalDestination: ObjectSinkProvider {
    private let bucket = TestBucket()
    private let state = Mutex(true)

    var isThere: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self.bucket }
    func hasDestination(project: ProjectID, agency: String) -> Bool { isThere }
}

/// Two agencies, each with a bucket of its own; some are configured, the others stand for folders.
private final class AgencyDestinations: ObjectSinkProvider {
    let old = TestBucket()
    let new = TestBucket()
    private let configured: Mutex<Set<String>>

    init(configured: Set<String>) {
        self.configured = Mutex(configured)
    }

    func configure(_ agencies: Set<String>) { configured.withLock { $0 = agencies } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        agency == "old" ? old : new
    }

    func hasDestination(project: ProjectID, agency: String) -> Bool { configured.withLock { $0.contains(agency) } }
}

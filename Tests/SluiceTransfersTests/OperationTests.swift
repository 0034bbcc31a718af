import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
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
        // By id and by name, the same task twice, and again: all the same.
        for _ in 0..<2 {
            try await house.tasks.stop([a.task.id.text, "b", "a"], on: "meters", in: house.project)
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

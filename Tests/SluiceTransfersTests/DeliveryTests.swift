import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Testing

@Suite(.timeLimit(.minutes(1))) struct DeliveryTests {
    let first = "meters_to-lake_shardId-0000000000_00000000000000000000_3.txt"

    @Test(arguments: [
        ("\n", "a\nb\nc\n"), ("\\n", "a\nb\nc\n"), (",", "a,b,c,"), (";", "a;b;c;"), ("|", "a|b|c|"), ("", "abc"),
        ("NULL", "abc"),
    ])
    func deliversAfterTheInterval(delimiter: String, expected: String) async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a", "b", "c"])
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.recordDelimiter = delimiter }, on: "meters", in: house.project)
            try await house.advance { !bucket.objects.isEmpty }
            #expect(bucket.objects == [first: expected])
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(3) }
            let details = try await house.show()
            #expect(details.summary.state == .running)
            #expect(details.summary.lastTransferAt != nil)
            #expect(details.partitions[0].lastDelivered == SequenceNumber(2))
        }
    }

    @Test func closesObjectsAtTheirSize() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket) { $0.objectSizeMax = ByteCount(10) }
        for index in 0..<7 { try await house.put(["rec\(index)"]) }
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(7) }
        }
        #expect(bucket.objects.count == 4)
        #expect(
            bucket.objects.sorted { $0.key < $1.key }.map(\.value).joined()
                == "rec0\nrec1\nrec2\nrec3\nrec4\nrec5\nrec6\n")
    }

    @Test func latestBeginsWithWhatComesAfterCreation() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["old"])
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.consumerStrategy = "LATEST" }, on: "meters", in: house.project)
            try await house.put(["new"])
            try await house.advance { !bucket.objects.isEmpty }
        }
        #expect(Array(bucket.objects.values) == ["new\n"])
    }

    @Test func newPartitionsAreDeliveredFromTheirFirstRecord() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.consumerStrategy = "LATEST" }, on: "meters", in: house.project)
            try await house.log.createPartitions([house.partition(1)])
            try await house.put(["x"], partition: 1)
            try await house.setPartitions(2, version: 2)
            try await house.advance { !bucket.objects.isEmpty }
        }
        #expect(bucket.objects == ["meters_to-lake_shardId-0000000001_00000000000000000000_1.txt": "x\n"])
    }

    @Test(arguments: [false, true])
    func repeatsAFailedWriteUnderTheSameNameWithTheSameBytes(afterSuccess: Bool) async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        bucket.failWrite(SinkError(.unavailable, "no answer"), afterSuccess: afterSuccess)
        try await house.put(["a", "b", "c"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { !bucket.writes.isEmpty }
            try await house.put(["d"])
            try await house.advance { try await house.show().summary.state == .abnormal || bucket.writes.count > 1 }
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(4) }
            try await house.advance { try await house.show().summary.state == .running }
        }
        #expect(bucket.writes.prefix(2) == [first, first])
        #expect(bucket.objects[first] == "a\nb\nc\n")
        #expect(bucket.objects.count == 2)
    }

    @Test func permanentFaultsStopTheTaskWithAReasonAndStartHeals() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        bucket.failWrite(SinkError(.accessDenied, "the bucket lake refuses access"))
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason == "the bucket lake refuses access")
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            #expect(try await house.show().summary.state == .running)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
        }
        #expect(Array(bucket.objects.values) == ["a\n"])
    }

    @Test func retentionPassingAPositionCountsAsDiscarded() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a", "b", "c"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            try await house.log.trim(house.partition(0), before: SequenceNumber(2))
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(3) }
            #expect(try await house.show().partitions[0].discarded == 2)
        }
        #expect(Array(bucket.objects.values) == ["c\n"])
    }

    @Test func aStoppedTaskKeepsItsPositionAndWritesNoMore() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
            try await house.put(["b"])
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            #expect(try await house.show().summary.state == .paused)
            #expect(house.tasks.jobCount == 1)
            house.time.advance(by: .seconds(1000))
            for _ in 0..<1000 { await Task.yield() }
            #expect(bucket.writes.count == 1)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(2) }
        }
        #expect(bucket.writes.count == 2)
    }

    @Test func aRestartFinishesWhatWasPlanned() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a", "b", "c"])
        bucket.failWrite(SinkError(.unavailable, "lost"), afterSuccess: true)
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.partitionFormat = "yyyy/MM/dd/HH/mm" }, on: "meters", in: house.project)
            try await house.advance { !bucket.writes.isEmpty }
        }
        try await house.put(["d"])
        house.time.advance(by: .seconds(7200))
        let again = TransferTasks(
            catalog: house.catalog, log: house.log, streams: house.streams, sinks: bucket, time: house.time)
        try await TestHouse.running(again) {
            try await house.advance { bucket.objects.count == 2 }
        }
        #expect(bucket.writes[0] == bucket.writes[1])
        #expect(bucket.objects[bucket.writes[0]] == "a\nb\nc\n")
    }

    @Test func deletingTheStreamEndsItsTasks() async throws {
        let house = try await TestHouse()
        try await house.running {
            try await house.tasks.create(house.descriptor("a"), on: "meters", in: house.project)
            try await house.tasks.create(house.descriptor("b"), on: "meters", in: house.project)
            try await house.tasks.stop(["b"], on: "meters", in: house.project)
            house.streams.set(nil, id: house.id)
            try await house.advance {
                try await house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 10).isEmpty
            }
            try await house.advance { house.tasks.jobCount == 0 }
        }
    }
}

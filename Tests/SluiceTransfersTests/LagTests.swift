import Observability
import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Testing

@Suite(.timeLimit(.minutes(1))) struct LagTests {
    /// A record in a batch takes 16 bytes besides its data.
    private let recordSize = 16 + 1

    /// The figures of one family by task.
    private func gauge(_ name: String, _ metrics: MetricsRegistry) async -> [String: Double] {
        var found: [String: Double] = [:]
        for line in await metrics.page().split(separator: "\n") where line.hasPrefix("sluice_transfer_\(name){") {
            let task = line.split(separator: "task=\"").last?.prefix { $0 != "\"" } ?? ""
            found[String(task)] = line.split(separator: " ").last.flatMap { Double($0) }
        }
        return found
    }

    @Test func aStoppedTaskLagsByWhatCame() async throws {
        let metrics = MetricsRegistry()
        let house = try await TestHouse(partitions: 2, metrics: metrics)
        try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
        try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
        #expect(try await house.show().lag == TransferLag())
        try await house.put(["a"])
        let first = house.time.now()
        house.time.advance(by: .seconds(30))
        try await house.put(["b", "c"], partition: 1)
        house.time.advance(by: .seconds(12))
        let lag = try await house.show().lag
        #expect(lag.records == 3 && lag.bytes == ByteCount(3 * recordSize) && lag.oldest == first)
        #expect(lag.age(at: house.time.now()) == .seconds(42))
        #expect(try await house.show().partitions.map(\.lag.records) == [1, 2])
        #expect(await gauge("lag_records", metrics) == ["to-lake": 3])
        #expect(await gauge("lag_bytes", metrics) == ["to-lake": Double(3 * recordSize)])
        #expect(await gauge("lag_seconds", metrics) == ["to-lake": 42])
        #expect(await gauge("parked_records", metrics) == ["to-lake": 0])
        // What retention has taken no longer waits.
        try await house.log.trim(house.partition(1), before: SequenceNumber(1))
        #expect(try await house.show().lag.records == 2)
    }

    @Test func deliveryEndsTheLag() async throws {
        let metrics = MetricsRegistry()
        let house = try await TestHouse(metrics: metrics)
        try await house.put(["a", "b", "c"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            #expect(try await house.show().lag.records == 3)
            #expect(try await house.show().lastObject == nil)
            try await house.advance { try await house.show().lag.records == 0 }
            let details = try await house.show()
            #expect(details.lag == TransferLag() && details.delivered == 3 && details.deliveredBytes == 6)
            #expect(details.lastObject == "meters_to-lake_shardId-0000000000_00000000000000000000_3.txt")
            #expect(details.partitions[0].start == .zero)
            #expect(await gauge("lag_seconds", metrics) == ["to-lake": 0])
        }
    }

    /// A server that has just started shows what the one before has left, before any task has done anything.
    @Test func figuresAreRightAfterARestart() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([ParkedHouse.good, ParkedHouse.junk, ParkedHouse.wrong, ParkedHouse.wrong])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.setPartitions(1, dataType: .json, schema: ParkedHouse.wide, version: 2)
            var filter = ParkedFilter()
            filter.from = 3
            #expect(try await world.replay(filter) == 1)
            try await house.advance { try await world.parked().count == 2 }
            filter.from = 1
            filter.to = 1
            #expect(try await world.discard(filter) == 1)
        }
        try await house.put([ParkedHouse.good, ParkedHouse.good])
        house.time.advance(by: .seconds(7))
        let metrics = MetricsRegistry()
        let restarted = TransferTasks(
            catalog: house.catalog, log: house.log, streams: house.streams, sinks: world.bucket, time: house.time,
            metrics: metrics)
        #expect(await gauge("parked_records", metrics) == ["to-lake": 1])
        #expect(await gauge("lag_records", metrics) == ["to-lake": 2])
        #expect(await gauge("lag_seconds", metrics) == ["to-lake": 7])
        let task = try await restarted.show("to-lake", on: "meters", in: house.project)
        let partition = task.partitions[0]
        #expect((partition.delivered, partition.parked, partition.discarded) == (2, 1, 1))
        #expect(task.lag.records == 2)
    }

    @Test func figuresOfDeletedTasksVanish() async throws {
        let metrics = MetricsRegistry()
        let house = try await TestHouse(metrics: metrics)
        try await house.put(["a"])
        try await house.running {
            for name in ["a", "b", "c"] {
                try await house.tasks.create(house.descriptor(name), on: "meters", in: house.project)
            }
            try await house.advance {
                var lag = 0
                for name in ["a", "b", "c"] { lag += try await house.show(name).lag.records }
                // Counters follow the commit that the lag comes from.
                let counted = await gauge("records_total", metrics)
                return lag == 0 && counted.count == 3
            }
            #expect(await gauge("lag_records", metrics).keys.sorted() == ["a", "b", "c"])
            #expect(await gauge("records_total", metrics).keys.sorted() == ["a", "b", "c"])
            try await house.tasks.delete("b", on: "meters", in: house.project)
            house.time.advance(by: .seconds(2))
            #expect(await gauge("lag_records", metrics).keys.sorted() == ["a", "c"])
            #expect(await gauge("records_total", metrics).keys.sorted() == ["a", "c"])
            house.streams.set(nil, id: house.id)
            try await house.advance { house.tasks.jobCount == 0 }
            house.time.advance(by: .seconds(2))
            #expect(await metrics.page().contains("task=") == false)
        }
    }

    /// A stream and its task are made again under their names before the end of the old ones is through.
    @Test func countersOfANewTaskOutliveThoseOfTheOldOne() async throws {
        let catalog = WatchedCatalog(catalog: MemoryCatalog())
        let metrics = MetricsRegistry()
        let house = try await TestHouse(catalog: catalog, metrics: metrics)
        let next = StreamID("S2")
        let partition = PartitionID(stream: next, number: PartitionNumber(0))
        let description = StreamDescription(
            id: next, name: StreamName("meters")!, project: house.project, dataType: .blob, dataSchema: nil,
            partitions: [PartitionDescription(number: PartitionNumber(0))], version: 1)
        try await house.log.createPartitions([partition])
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { await gauge("records_total", metrics) == ["to-lake": 1] }
            catalog.onceBeforeCommit(to: "transfer/removed/") {
                house.streams.set(description, id: next)
                do {
                    try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
                    var builder = RecordBatchBuilder()
                    builder.append(data: [1], timestamp: house.time.now())
                    if let batch = builder.finish() {
                        _ = await house.log.append([PartitionAppend(partition: partition, batch: batch)])
                    }
                    try await house.advance { await gauge("records_total", metrics) == ["to-lake": 2] }
                } catch {
                    Issue.record(error)
                }
            }
            house.streams.set(nil, id: house.id)
            let old = CatalogKey("transfer", "stream", house.id.text)
            try await house.advance {
                let isGone = try await catalog.get(old) == nil
                return isGone && house.tasks.jobCount == 2
            }
            #expect(await gauge("records_total", metrics) == ["to-lake": 2])
        }
    }
}

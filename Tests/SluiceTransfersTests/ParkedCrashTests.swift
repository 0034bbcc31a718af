import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceTransfers

/// The process dies after each step of a history of deliveries and replays; the next one must end with every record in
/// exactly one object or parked once.
@Suite(.timeLimit(.minutes(5))) struct ParkedCrashTests {
    static let records = [
        ParkedHouse.good, ParkedHouse.junk, ParkedHouse.wrong, ParkedHouse.good, ParkedHouse.junk, ParkedHouse.wrong,
        ParkedHouse.wrong,
    ]

    /// Runs a process until it has died or `isDone`; tells whether it died.
    func live(
        _ world: ParkedHouse, _ mortality: Mortality, objectSize: ByteCount = ByteCount(40),
        until isDone: @escaping @Sendable () async throws -> Bool
    ) async throws {
        let service = world.service(mortality, objectSize: objectSize)
        let looks = Mutex(0)
        do {
            try await TestHouse.running(service) {
                try await world.house.advance {
                    if mortality.isDead { return true }
                    let isTime = looks.withLock { looks in
                        looks += 1
                        return looks % 20 == 0
                    }
                    return isTime ? try await isDone() : false
                }
            }
        } catch {
            // Whatever a dying process throws is lost with it.
            guard mortality.isDead else { throw error }
        }
    }

    func deliver(_ world: ParkedHouse, dyingAfter steps: Int?) async throws -> Int {
        try await world.house.put(Self.records)
        try await world.create()
        let mortality = Mortality(dyingAfter: steps)
        try await live(world, mortality) { try await world.isDelivered() }
        return mortality.made
    }

    @Test func deathAtEachStepOfADelivery() async throws {
        let steps = try await deliver(ParkedHouse(), dyingAfter: nil)
        #expect(steps > 12)
        for step in 0..<steps {
            let world = try await ParkedHouse()
            _ = try await deliver(world, dyingAfter: step)
            try await live(world, Mortality(dyingAfter: nil)) { try await world.isDelivered() }
            #expect(try await world.verdict() == nil, "death after step \(step)")
            #expect(try await world.parked().count == 5, "death after step \(step)")
        }
    }

    func replay(_ world: ParkedHouse, dyingAfter steps: Int?) async throws -> Int {
        _ = try await deliver(world, dyingAfter: nil)
        #expect(try await world.parked().count == 5)
        try await world.house.tasks.stop(["to-lake"], on: "meters", in: world.house.project)
        try await world.house.setPartitions(1, dataType: .json, schema: ParkedHouse.wide, version: 2)
        #expect(try await world.replay() == 5)
        try await world.house.tasks.start(["to-lake"], on: "meters", in: world.house.project)
        let mortality = Mortality(dyingAfter: steps)
        try await live(world, mortality) { try await world.parked().map(\.attempts) == [2, 2] }
        return mortality.made
    }

    @Test func deathAtEachStepOfAReplay() async throws {
        let steps = try await replay(ParkedHouse(), dyingAfter: nil)
        #expect(steps > 8)
        for step in 0..<steps {
            let world = try await ParkedHouse()
            _ = try await replay(world, dyingAfter: step)
            // Whoever comes next finds a task of another form; what was decided is finished as it was.
            if step % 2 == 1 {
                try await world.house.tasks.update(
                    world.descriptor { $0.filePrefix = "later" }, on: "meters", in: world.house.project)
            }
            try await live(world, Mortality(dyingAfter: nil)) { try await world.parked().map(\.attempts) == [2, 2] }
            #expect(try await world.verdict() == nil, "death after step \(step)")
        }
    }

    /// Retention may pass the records of a delivery that died behind its writes: what was written and parked counts.
    @Test func deathAndRetentionLoseNothingThatWasWritten() async throws {
        let steps = try await deliver(ParkedHouse(), dyingAfter: nil)
        for step in 0..<steps {
            let world = try await ParkedHouse()
            _ = try await deliver(world, dyingAfter: step)
            try await world.house.log.trim(world.house.partition(0), before: try world.end)
            try await live(world, Mortality(dyingAfter: nil)) { try await world.isDelivered() }
            let partition = try await world.house.show().partitions[0]
            let parked = try await world.parked()
            #expect(parked.count == partition.parked, "death after step \(step)")
            #expect(
                partition.delivered + partition.parked + partition.discarded == Self.records.count,
                "death after step \(step)")
            let good = Self.records.indices.filter { Self.records[$0] == ParkedHouse.good }.map(Int64.init)
            #expect(Set(parked.map(\.number.value)).isDisjoint(with: good), "death after step \(step)")
            let entries = try await world.house.tasks.services.store.all(
                under: TransferKeys.deliveries(world.house.show().summary.task.id), as: DeliveryRecord.self)
            for (_, entry) in entries {
                let numbers = (entry.first...entry.last).filter { entry.holds($0) }
                #expect(numbers == good.filter { numbers.contains($0) }, "death after step \(step)")
                #expect(numbers.count == entry.records, "death after step \(step)")
            }
        }
    }

    static let directories: @Sendable (inout OBSDescriptor) -> Void = {
        $0.destinationFileType = "text"
        $0.partitionFormat = "yyyy/MM/dd"
        $0.processingSchema = .init(timestampName: "t", timestampType: "Timestamp")
    }

    /// The numbers of the records in each object, as the objects themselves tell.
    private func numbers(in bucket: ByteBucket) -> [Int] {
        bucket.objects.values.flatMap { bytes in
            String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
                line.split(separator: ":").last.flatMap { Int($0.dropLast()) }
            }
        }
    }

    /// Each record is where the ledger says, and nowhere else.
    private func expectTrueLedger(_ world: ParkedHouse, _ place: String) async throws {
        for (key, bytes) in world.bucket.objects {
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                var filter = DeliveryFilter()
                filter.partition = PartitionNumber(0)
                filter.sequenceNumber = line.split(separator: ":").last.flatMap { Int64($0.dropLast()) }
                    .map { SequenceNumber($0 - 10) }
                let page = try await world.house.tasks.deliveries(
                    of: "to-lake", on: "meters", in: world.house.project, filter: filter)
                #expect(page.deliveries.map(\.object) == [key], "\(place)")
            }
        }
    }

    /// Records of several directories alternate; the process dies, retention passes some, the next one dies as well,
    /// retention passes more: what the log still has when the last one begins is delivered, and nothing twice.
    @Test(arguments: [3, 5]) func deathAndRetentionLeaveWhatTheLogHas(trimmed: Int64) async throws {
        let count = 12
        func world() async throws -> ParkedHouse {
            let world = try await ParkedHouse()
            try await world.house.put(
                (0..<count).map { #"{"t":\#(1_760_000_000_000 + $0 % 3 * 86_400_000),"n":\#($0 + 10)}"# })
            try await world.create(Self.directories)
            return world
        }
        func live(_ world: ParkedHouse, dyingAfter steps: Int?) async throws -> Int {
            let mortality = Mortality(dyingAfter: steps)
            try await self.live(world, mortality, objectSize: .mebibytes(1)) { try await world.isDelivered() }
            return mortality.made
        }
        let steps = try await live(world(), dyingAfter: nil)
        #expect(steps > 10)
        for first in 0..<steps {
            for second in [2, 5, 7, 9, 11, 13, 15, 18, 22] {
                let world = try await world()
                _ = try await live(world, dyingAfter: first)
                try await world.house.log.trim(world.house.partition(0), before: SequenceNumber(trimmed))
                _ = try await live(world, dyingAfter: second)
                try await world.house.log.trim(world.house.partition(0), before: SequenceNumber(trimmed + 2))
                _ = try await live(world, dyingAfter: nil)
                let place = "deaths after steps \(first) and \(second)"
                let found = numbers(in: world.bucket).sorted()
                #expect(Set(found).count == found.count, "\(place): \(found)")
                #expect(
                    found.filter { $0 >= 10 + Int(trimmed) + 2 } == Array(10 + Int(trimmed) + 2..<10 + count),
                    "\(place)")
                let partition = try await world.house.show().partitions[0]
                #expect(partition.delivered == found.count, "\(place)")
                #expect(partition.delivered + partition.discarded == count, "\(place)")
                try await expectTrueLedger(world, place)
                let page = try await world.house.tasks.deliveries(
                    of: "to-lake", on: "meters", in: world.house.project)
                #expect(Set(page.deliveries.map(\.object)) == Set(world.bucket.objects.keys), "\(place)")
                #expect(page.deliveries.reduce(0) { $0 + $1.records } == found.count, "\(place)")
            }
        }
    }

    /// The same with columns: each fourth record does not convert. Whatever becomes of a record, it counts once.
    @Test func deathAndRetentionCountEveryRecordOnce() async throws {
        let count = 12
        func world() async throws -> ParkedHouse {
            let world = try await ParkedHouse()
            try await world.house.put(
                (0..<count).map { number in
                    let value = number % 4 == 0 ? "\"x\"" : "1"
                    return #"{"t":\#(1_760_000_000_000 + number % 3 * 86_400_000),"a":\#(value)}"#
                })
            try await world.create {
                Self.directories(&$0)
                $0.destinationFileType = "parquet"
            }
            return world
        }
        func live(_ world: ParkedHouse, dyingAfter steps: Int?) async throws -> Int {
            let mortality = Mortality(dyingAfter: steps)
            try await self.live(world, mortality, objectSize: .mebibytes(1)) { try await world.isDelivered() }
            return mortality.made
        }
        let steps = try await live(world(), dyingAfter: nil)
        for first in 0..<steps {
            let world = try await world()
            _ = try await live(world, dyingAfter: first)
            try await world.house.log.trim(world.house.partition(0), before: SequenceNumber(3))
            _ = try await live(world, dyingAfter: 9 + first % 5)
            try await world.house.log.trim(world.house.partition(0), before: SequenceNumber(5))
            _ = try await live(world, dyingAfter: nil)
            let place: Comment = "death after step \(first)"
            let partition = try await world.house.show().partitions[0]
            let parked = try await world.parked()
            #expect(parked.count == partition.parked && partition.discarded <= 5, place)
            #expect(partition.delivered + partition.parked + partition.discarded == count, place)
            #expect(parked.map(\.number.value).filter { $0 > 4 } == [8], place)
            let page = try await world.house.tasks.deliveries(of: "to-lake", on: "meters", in: world.house.project)
            let objects = world.bucket.objects.keys.filter { !$0.contains("error/") }
            #expect(Set(page.deliveries.map(\.object)) == Set(objects), place)
            #expect(page.deliveries.reduce(0) { $0 + $1.records } == partition.delivered, place)
        }
    }
}

import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceTransfers

/// Replays are done by the running task, which goes on with its deliveries.
@Suite(.timeLimit(.minutes(2))) struct ReplayTests {
    func epoch(_ house: TestHouse) async throws -> Int64? {
        let id = try await house.show().summary.task.id
        return try await house.tasks.services.store.get(TransferKeys.owner(id), as: OwnerRecord.self)?.record.epoch
    }

    static func only(_ number: Int) -> ParkedFilter {
        var filter = ParkedFilter()
        filter.numbers = [Int64(number)]
        return filter
    }

    @Test func replaysOneByOneLeaveTheRunnerAlone() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([String](repeating: ParkedHouse.wrong, count: 6))
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.setPartitions(1, dataType: .json, schema: ParkedHouse.wide, version: 2)
            try await house.advance { try await epoch(house) != nil }
            let before = try await epoch(house)
            for number in 0..<6 {
                let filter = Self.only(number)
                #expect(try await world.replay(filter) == 1)
                // Deliveries go on meanwhile.
                try await house.put([ParkedHouse.good])
                if number % 2 == 0 { try await house.advance { try await world.parked(filter).isEmpty } }
            }
            try await house.advance { try await world.parked().isEmpty }
            try await house.advance { try await world.isDelivered() }
            #expect(try await epoch(house) == before)
        }
        #expect(try await world.verdict() == nil)
    }

    /// Another process has taken the task meanwhile and hears of no marks: the replay brings the task here.
    @Test func aReplayTakesTheTaskFromAnotherProcess() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([ParkedHouse.wrong, ParkedHouse.good])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            let before = try await epoch(house)
            try await TestHouse.running(world.service()) {
                try await house.advance { try await epoch(house) != before }
                try await house.put([ParkedHouse.good])
                try await house.advance { try await world.isDelivered() }
                #expect(try await world.replay() == 1)
                try await house.advance { try await world.parked().map(\.attempts) == [2] }
            }
        }
        #expect(try await world.verdict() == nil)
    }

    /// The schema changes, and the record is marked again, in the moment in which a replay of it is decided: the replay
    /// that was asked for has the new form.
    @Test func aReplayHasTheFormOfTheTimeWhenItWasAskedFor() async throws {
        let catalog = WatchedCatalog(catalog: MemoryCatalog())
        let world = try await ParkedHouse(catalog: catalog)
        let house = world.house
        try await house.put([ParkedHouse.wrong])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            catalog.onceBeforeCommit(to: "transfer/replay/") {
                try? await house.setPartitions(1, dataType: .json, schema: ParkedHouse.wide, version: 2)
                _ = try? await world.replay()
            }
            #expect(try await world.replay() == 1)
            try await house.advance { try await world.parked().isEmpty }
        }
        #expect(try await world.verdict() == nil)
    }

    /// The stream has another schema in the moment in which a replay is decided, and its old one again before anybody
    /// hears of it: the replay is done in the old form.
    @Test func aFormThatWasThereForAMomentHoldsNoReplayUp() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([ParkedHouse.wrong])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            house.streams.showOnce(
                StreamDescription(
                    id: house.id, name: StreamName("meters")!, project: house.project, dataType: .json,
                    dataSchema: ParkedHouse.wide, partitions: [PartitionDescription(number: PartitionNumber(0))],
                    version: 2))
            #expect(try await world.replay() == 1)
            try await house.advance { !house.streams.isMomentary }
            try await house.setPartitions(1, dataType: .json, schema: ParkedHouse.narrow, version: 3)
            try await house.advance { try await world.parked().map(\.attempts) == [2] }
        }
        #expect(try await world.verdict() == nil)
    }

    /// A catalog that is away for a moment, while there is nothing to deliver and nothing to replay.
    @Test(arguments: ["transfer/replay/", "transfer/progress/"])
    func aTaskWithNothingToDoRecovers(prefix: String) async throws {
        let catalog = WatchedCatalog(catalog: MemoryCatalog())
        let world = try await ParkedHouse(catalog: catalog)
        let house = world.house
        catalog.failOnce(readingBelow: CatalogKey(prefix))
        try await house.running {
            try await world.create()
            try await house.advance(by: .zero) { try await house.show().summary.state == .abnormal }
            try await house.advance { try await house.show().summary.state == .running }
            #expect(try await house.show().summary.reason == "")
        }
    }

    /// Another process deletes the task in the moment in which this one takes it up for a replay.
    @Test func aReplayLeavesNothingOfATaskThatIsDeletedMeanwhile() async throws {
        let catalog = WatchedCatalog(catalog: MemoryCatalog())
        let world = try await ParkedHouse(catalog: catalog)
        let house = world.house
        try await house.put([ParkedHouse.wrong])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
        }
        let other = world.service()
        catalog.onceBeforeCommit(to: "transfer/owner/") {
            try? await other.delete("to-lake", on: "meters", in: house.project)
        }
        await #expect(throws: TransferError.self) { try await world.replay() }
        #expect(try await house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 1).isEmpty)
    }

    /// A stop ends the replays as well; what has been marked is replayed after the start, once.
    @Test func stopsAndDeletionsEndReplays() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([String](repeating: ParkedHouse.wrong, count: 4))
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.setPartitions(1, dataType: .json, schema: ParkedHouse.wide, version: 2)
            for number in 0..<3 {
                let filter = Self.only(number)
                #expect(try await world.replay(filter) == 1)
                try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
                let objects = world.bucket.objects.count
                for _ in 0..<100 { await Task.yield() }
                #expect(world.bucket.objects.count == objects)
                try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            }
            try await house.advance { try await world.parked().map(\.number.value) == [3] }
            #expect(try await world.verdict() == nil)
            #expect(try await world.replay() == 1)
            try await house.tasks.delete("to-lake", on: "meters", in: house.project)
            #expect(house.tasks.jobCount <= 1)
        }
        #expect(try await house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 1).isEmpty)
    }
}

/// A catalog that does something once, in the moment before a commit, or fails once.
final class WatchedCatalog: Catalog {
    private let catalog: any Catalog
    private let failing = Mutex<CatalogKey?>(nil)
    private let listed = Mutex(0)
    private let watch = Mutex<(prefix: CatalogKey, body: @Sendable () async -> Void)?>(nil)

    init(catalog: any Catalog) {
        self.catalog = catalog
    }

    /// - Parameter prefix: of the keys that the commit puts.
    func onceBeforeCommit(to prefix: CatalogKey, _ body: @escaping @Sendable () async -> Void) {
        watch.withLock { $0 = (prefix, body) }
    }

    /// The next reading of one record below the prefix fails.
    func failOnce(readingBelow prefix: CatalogKey) { failing.withLock { $0 = prefix } }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        let isFailing = failing.withLock { failing in
            guard let prefix = failing, key.hasPrefix(prefix) else { return false }
            failing = nil
            return true
        }
        if isFailing { throw CatalogError(.unavailable, key: key, "away") }
        return try await catalog.get(key)
    }

    /// Pages that were listed so far.
    var listings: Int { listed.withLock { $0 } }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        listed.withLock { $0 += 1 }
        return try await catalog.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        let body = watch.withLock { watch -> (@Sendable () async -> Void)? in
            guard let wanted = watch else { return nil }
            let isMeant = changes.contains { change in
                if case .put(let key, _, _) = change { key.hasPrefix(wanted.prefix) } else { false }
            }
            guard isMeant else { return nil }
            watch = nil
            return wanted.body
        }
        await body?()
        try await catalog.commit(changes)
    }
}

import SluiceCatalog
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceTransfers

/// A deleted task vanishes at once; what it has gathered goes bit by bit, and nobody has to wait for it.
@Suite(.timeLimit(.minutes(2))) struct RemovalTests {
    /// Gives the task as many entries as a long life would.
    func gather(_ world: ParkedHouse, rows: Int = TransferTasks.clearedAtOnce + 7) async throws -> TransferTaskID {
        let id = try await world.house.show().summary.task.id
        let partition = PartitionNumber(0)
        try await world.house.catalog.commit(
            (0..<rows).flatMap { number -> [CatalogChange] in
                let number = Int64(1_000_000 + number)
                return [
                    .put(TransferKeys.delivery(id, partition, last: SequenceNumber(number)), [1]),
                    .put(TransferKeys.deliveryObject(id, "o/\(number)"), [1]),
                    .put(TransferKeys.parked(id, partition, number), [1]),
                    .put(TransferKeys.parkedData(id, partition, number), [1]),
                    .put(TransferKeys.mark(id, partition, number), [1]),
                ]
            })
        return id
    }

    /// How many of these entries there are, by kind.
    func remains(_ world: ParkedHouse, of id: TransferTaskID) async throws -> [Int] {
        var counts: [Int] = []
        for prefix in [
            TransferKeys.ledger(id), TransferKeys.parked(id), TransferKeys.marks(id), TransferKeys.removal(id),
        ] {
            counts.append(try await world.house.catalog.list(prefix: prefix, after: nil, limit: 10_000).count)
        }
        return counts
    }

    func isEmpty(_ world: ParkedHouse) async throws -> Bool {
        try await world.house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 1).isEmpty
    }

    /// The background does not run: after the deletion, as after a crash, most is still there, and the next life goes on.
    @Test func aLargeTaskVanishesAtOnceAndIsClearedAwayLater() async throws {
        let catalog = CountingCatalog(MemoryCatalog())
        let world = try await ParkedHouse(catalog: catalog)
        try await world.create()
        let id = try await gather(world)
        try await world.house.tasks.delete("to-lake", on: "meters", in: world.house.project)
        #expect(try await world.house.tasks.list(on: "meters", in: world.house.project).isEmpty)
        #expect(try await remains(world, of: id) == [TransferTasks.clearedAtOnce + 14, 7, 7, 1])

        // The name is free.
        try await world.create()
        let next = try await gather(world, rows: 10)
        #expect(next != id)
        try await world.house.running {
            try await world.house.advance { try await remains(world, of: id) == [0, 0, 0, 0] }
            #expect(try await remains(world, of: next)[0] == 20)
        }
        #expect(catalog.deletedAtOnce <= 5 * TransferTasks.clearedAtOnce)
    }

    @Test func theTasksOfADeletedStreamAreClearedAwayAsWell() async throws {
        let world = try await ParkedHouse()
        try await world.house.running {
            try await world.create()
            _ = try await gather(world)
            world.house.streams.set(nil, id: world.house.id)
            try await world.house.advance { try await isEmpty(world) }
        }
    }

    /// The process dies after each step of the deletion and of clearing away; whoever comes next finishes.
    @Test func deathAtEachStep() async throws {
        func remove(dyingAfter steps: Int?) async throws -> Int {
            let world = try await ParkedHouse()
            try await world.create()
            _ = try await gather(world)
            let mortality = Mortality(dyingAfter: steps)
            let service = world.service(mortality)
            do {
                try await TestHouse.running(service) {
                    do {
                        try await service.delete("to-lake", on: "meters", in: world.house.project)
                    } catch {
                        guard mortality.isDead else { throw error }
                    }
                    try await world.house.advance {
                        if mortality.isDead { return true }
                        return try await isEmpty(world)
                    }
                }
            } catch {
                guard mortality.isDead else { throw error }
            }
            let isDeleted = try await world.house.tasks.list(on: "meters", in: world.house.project).isEmpty
            try await world.house.running {
                if !isDeleted {
                    try await world.house.tasks.delete("to-lake", on: "meters", in: world.house.project)
                }
                try await world.house.advance { try await isEmpty(world) }
            }
            return mortality.made
        }
        let steps = try await remove(dyingAfter: nil)
        #expect(steps > 12)
        for step in 0..<steps { _ = try await remove(dyingAfter: step) }
    }
}

/// Counts what commits delete.
final class CountingCatalog: Catalog {
    private let catalog: any Catalog
    private let most = Mutex(0)

    init(_ catalog: any Catalog) {
        self.catalog = catalog
    }

    /// The most entries that one commit has deleted.
    var deletedAtOnce: Int { most.withLock { $0 } }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? { try await catalog.get(key) }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        try await catalog.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        let everything = CatalogKey("")
        let before = try await catalog.list(prefix: everything, after: nil, limit: .max).count
        try await catalog.commit(changes)
        let after = try await catalog.list(prefix: everything, after: nil, limit: .max).count
        most.withLock { $0 = max($0, before - after) }
    }
}

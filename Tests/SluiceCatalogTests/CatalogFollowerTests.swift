import Observability
import SluiceCatalog
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

/// The names below `set/`, as of a generation.
private struct Names: CatalogSnapshot {
    let names: [String]
    let generation: Int64
}

private struct NamesError: CatalogCausedError, Equatable {
    enum Cause: Equatable {
        case catalog(CatalogError.Code)
        case badName
    }

    let cause: Cause

    init(_ error: CatalogError) { cause = .catalog(error.code) }
    init(cause: Cause) { self.cause = cause }
}

/// A catalog that can be made to fail, and to let others change the collection between two calls.
private final class Unruly: Catalog {
    private struct State {
        var isFailing = false
        var changes = 0
        var calls = 0
    }

    private let inner = MemoryCatalog()
    private let state = Mutex(State())

    func fail(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }
    /// Changes the collection after each of the next `count` listings.
    func changeBetween(_ count: Int) { state.withLock { $0.changes = count } }
    var calls: Int { state.withLock(\.calls) }

    private func begin() throws(CatalogError) {
        let isFailing = state.withLock { state in
            state.calls += 1
            return state.isFailing
        }
        if isFailing { throw CatalogError(.unavailable, "no disk") }
    }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        try begin()
        return try await inner.get(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        try begin()
        let entries = try await inner.list(prefix: prefix, after: after, limit: limit)
        let isChanged = state.withLock { state in
            state.changes -= 1
            return state.changes >= 0
        }
        if isChanged { try await inner.commit([.put("generation", []), .put("set/late", [])]) }
        return entries
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        try begin()
        try await inner.commit(changes)
    }
}

private final class Messages: LogOutput {
    private let state = Mutex<[String]>([])
    var all: [String] { state.withLock { $0 } }

    func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        state.withLock { $0.append(message) }
    }
}

private struct World: Sendable {
    let catalog = Unruly()
    let time = ManualTime()

    var collection: CatalogCollection { CatalogCollection(in: catalog, generation: "generation") }

    func names() async throws(NamesError) -> Names {
        let names = try await collection.read { generation throws(NamesError) in
            let entries: [CatalogEntry]
            do throws(CatalogError) {
                entries = try await catalog.list(prefix: "set/", after: nil, limit: 100)
            } catch {
                throw NamesError(error)
            }
            if entries.contains(where: { $0.key == "set/bad" }) { throw NamesError(cause: .badName) }
            return Names(names: entries.map { String($0.key.text.dropFirst(4)) }, generation: generation)
        }
        guard let names else { throw NamesError(CatalogError(.conflict, "others are faster")) }
        return names
    }

    /// Whether nobody was faster; the value is how many names there were before.
    func add(_ name: String) async throws(NamesError) -> Int? {
        try await collection.change(from: names) { names throws(NamesError) in
            if name == "refused" { throw NamesError(cause: .badName) }
            return ([.put(CatalogKey("set/" + name), [])], names.names.count)
        }
    }

    func follower(_ log: Logger = .silent) async throws -> CatalogFollower<Names, NamesError> {
        try await CatalogFollower("names", of: collection, time: time, log: log) {
            () async throws(NamesError) in try await names()
        }
    }

    /// Lets the follower look once more, `pause` after its last look and not sooner.
    func look(after pause: Duration) async {
        while time.sleeperCount == 0 { await Task.yield() }
        time.advance(by: pause - .milliseconds(1))
        #expect(time.sleeperCount == 1)
        let before = catalog.calls
        time.advance(by: .milliseconds(1))
        while time.sleeperCount == 0 { await Task.yield() }
        #expect(catalog.calls > before)
    }
}

@Suite struct CatalogCollectionTests {
    @Test func changesComeOneAfterAnother() async throws {
        let world = World()
        #expect(try await world.collection.generation(throwing: NamesError.self) == 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 { group.addTask { _ = try #require(try await world.add("n\(number)")) } }
            try await group.waitForAll()
        }
        #expect(try await world.names().names == (0..<8).map { "n\($0)" })
        let generation = try await world.names().generation
        #expect(try await world.add("more") == 8)
        #expect(try await world.names().generation > generation)
    }

    @Test func aRefusedChangeChangesNothing() async throws {
        let world = World()
        await #expect(throws: NamesError(cause: .badName)) { try await world.add("refused") }
        #expect(try await world.names().generation == 0)
        world.catalog.fail(true)
        await #expect(throws: NamesError(cause: .catalog(.unavailable))) { try await world.add("a") }
    }

    @Test(arguments: [0, 1, CatalogCollection.attemptsMax - 1])
    func aReadingIsOfOneGeneration(changes: Int) async throws {
        let world = World()
        _ = try await world.add("a")
        world.catalog.changeBetween(changes)
        #expect(try await world.names().names == (changes == 0 ? ["a"] : ["a", "late"]))
    }

    @Test func whoIsAlwaysOvertakenGivesUp() async throws {
        let world = World()
        _ = try await world.add("a")
        world.catalog.changeBetween(.max)
        await #expect(throws: NamesError(cause: .catalog(.conflict))) { try await world.names() }
        let overtaken: Void? = try await world.collection.change(from: { () async throws(NamesError) in
            Names(names: [], generation: 1_000_000)
        }) { _ throws(NamesError) in ([], ()) }
        #expect(overtaken == nil)
    }

    /// What is read of two generations may be contradictory without any of them being wrong.
    @Test func anErrorOfATornReadingDoesNotCount() async throws {
        let world = World()
        _ = try await world.add("bad")
        await #expect(throws: NamesError(cause: .badName)) { try await world.names() }
        let attempts = Mutex(0)
        let value = try await world.collection.read { _ throws(NamesError) in
            if attempts.withLock({
                $0 += 1; return $0
            }) > 1 {
                return "whole"
            }
            do throws(CatalogError) {
                try await world.catalog.commit([.put("generation", []), .delete("set/bad")])
            } catch {
                throw NamesError(error)
            }
            throw NamesError(cause: .badName)
        }
        #expect(value == "whole")
    }
}

@Suite struct CatalogFollowerTests {
    @Test func theFirstSnapshotIsLoadedOrRefused() async throws {
        let world = World()
        _ = try await world.add("a")
        let follower = try await world.follower()
        #expect(follower.snapshot.names == ["a"])
        #expect(try await follower.refresh() == false)
        _ = try await world.add("bad")
        await #expect(throws: NamesError(cause: .badName)) { try await world.follower() }
        world.catalog.fail(true)
        await #expect(throws: NamesError(cause: .catalog(.unavailable))) { try await world.follower() }
    }

    @Test func changesAreSeenAfterTheInterval() async throws {
        let world = World()
        let follower = try await world.follower()
        let running = Task { await follower.run() }
        for name in ["a", "b"] {
            _ = try await world.add(name)
            #expect(!follower.snapshot.names.contains(name))
            await world.look(after: .milliseconds(500))
            #expect(follower.snapshot.names.contains(name))
        }
        running.cancel()
        await running.value
        #expect(follower.snapshot.names == ["a", "b"])
    }

    @Test func refreshSeesAChangeAtOnceAndNeverGoesBack() async throws {
        let world = World()
        let follower = try await world.follower()
        _ = try await world.add("a")
        #expect(try await follower.refresh() == true)
        #expect(follower.snapshot.names == ["a"])
        #expect(try await follower.refresh() == false)
    }

    @Test func aFailingCatalogIsAskedLessAndLessOften() async throws {
        let world = World()
        let messages = Messages()
        let follower = try await world.follower(Logger(label: "test", output: messages))
        let running = Task { await follower.run() }
        _ = try await world.add("a")
        world.catalog.fail(true)
        for milliseconds in [500, 1000, 2000, 4000, 8000, 8000, 8000] {
            await world.look(after: .milliseconds(milliseconds))
            #expect(follower.snapshot.names.isEmpty)
        }
        world.catalog.fail(false)
        await world.look(after: .milliseconds(8000))
        #expect(follower.snapshot.names == ["a"])
        // And as often as ever from now on.
        _ = try await world.add("b")
        await world.look(after: .milliseconds(500))
        #expect(follower.snapshot.names == ["a", "b"])
        running.cancel()
        await running.value
        #expect(
            messages.all == [
                "names cannot be refreshed", "names have changed", "names are current again", "names have changed",
            ])
    }

    @Test func aLookThatIsNotDueIsNone() async throws {
        let world = World()
        let follower = try await world.follower()
        #expect(await follower.refreshIfDue() == false)
        _ = try await world.add("a")
        #expect(await follower.refreshIfDue() == false)
        world.time.advance(by: .milliseconds(100))
        #expect(await follower.refreshIfDue() == true)
        world.time.advance(by: .milliseconds(100))
        world.catalog.fail(true)
        #expect(await follower.refreshIfDue() == false)
        #expect(follower.snapshot.names == ["a"])
    }
}

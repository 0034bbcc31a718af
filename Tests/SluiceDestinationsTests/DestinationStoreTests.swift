import Crypto
import SluiceCatalog
import SluiceCore
import SluiceDestinations
import SluiceTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct DestinationStoreTests {
    let catalog = MemoryCatalog()
    let sealing = SealingKey.random()
    var store: DestinationStore { DestinationStore(catalog: catalog, sealing: sealing) }

    static let endpoint = Destination.Endpoint(
        isSecure: true, authority: "obs.example.com:9000", region: "eu", accessKey: "AK", secretKey: "SECRET-4711",
        addressing: .virtual, signature: .obs, caFile: "/etc/ca.pem")

    static func folder(_ name: String, _ path: String = "/srv") -> Destination {
        Destination(name: name, place: .folder(path))
    }

    func code(_ body: () async throws(DestinationError) -> Void) async -> DestinationError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func theyComeBackInTheOrderOfAdding() async throws {
        let all = [
            Destination(name: "z", agency: "cloud", project: "p1", place: .endpoint(Self.endpoint)),
            Self.folder("a"), Destination(name: "m", agency: "x", place: .folder("/m")),
        ]
        for destination in all { try await store.add(destination) }
        #expect(try await store.destinations() == all)
        try await store.remove("z")
        try await store.add(all[0])
        #expect(try await store.destinations() == [all[1], all[2], all[0]])
    }

    @Test func aReplacementKeepsItsPlace() async throws {
        for name in ["a", "b", "c"] { try await store.add(Self.folder(name)) }
        try await store.add(Self.folder("b", "/new"), replaces: true)
        #expect(
            try await store.destinations() == [Self.folder("a"), Self.folder("b", "/new"), Self.folder("c")])
    }

    @Test func theFirstThatFits() {
        let destination = Destination(name: "n", agency: "a", project: nil, place: .folder("/"))
        #expect(destination.fits(agency: "a", project: "p"))
        #expect(!destination.fits(agency: "b", project: "p"))
    }

    @Test func refusalsChangeNothing() async throws {
        try await store.add(Self.folder("a"))
        let before = try await catalog.list(prefix: "destination/", after: nil, limit: 10)
        #expect(await code { () throws(DestinationError) in try await store.add(Self.folder("a")) } == .alreadyExists)
        for name in ["", "a b", "a/b", "ä", String(repeating: "x", count: 65)] {
            #expect(await code { () throws(DestinationError) in try await store.add(Self.folder(name)) } == .invalid)
        }
        #expect(
            await code { () throws(DestinationError) in try await store.add(Self.folder("b"), replaces: true) }
                == .notFound)
        #expect(await code { () throws(DestinationError) in try await store.remove("b") } == .notFound)
        #expect(try await catalog.list(prefix: "destination/", after: nil, limit: 10) == before)
    }

    @Test func theirNumberIsBounded() async throws {
        for index in 0..<DestinationStore.destinationsMax { try await store.add(Self.folder("d\(index)")) }
        #expect(await code { () throws(DestinationError) in try await store.add(Self.folder("more")) } == .limitReached)
        try await store.add(Self.folder("d7", "/new"), replaces: true)
        #expect(try await store.destinations().count == DestinationStore.destinationsMax)
    }

    @Test func secretsAreSealedForTheirPlace() async throws {
        try await store.add(Destination(name: "a", place: .endpoint(Self.endpoint)))
        let entry = try #require(try await catalog.get("destination/item/a"))
        #expect(!String(decoding: entry.value, as: UTF8.self).contains("SECRET"))
        #expect(!"\(Self.endpoint)".contains("SECRET"))

        let other = DestinationStore(catalog: catalog, sealing: .random())
        #expect(await code { () throws(DestinationError) in _ = try await other.destinations() } == .damaged)
        // A record under another name is another place.
        try await catalog.commit([.put("destination/item/b", entry.value), .delete("destination/item/a")])
        #expect(await code { () throws(DestinationError) in _ = try await store.destinations() } == .damaged)
    }

    @Test(arguments: ["", "{}", "[]", #"{"version":2,"number":1,"folder":"/a"}"#, #"{"version":1,"number":1}"#])
    func damagedRecordsAreNamed(value: String) async throws {
        try await catalog.commit([.put("destination/item/bad", Array(value.utf8))])
        do {
            _ = try await store.destinations()
            Issue.record("was read")
        } catch {
            #expect(error.code == .damaged && error.message.contains("destination/item/bad"))
        }
    }

    @Test func simultaneousChangesAllHappen() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 { group.addTask { try await store.add(Self.folder("d\(index)")) } }
            try await group.waitForAll()
        }
        #expect(Set(try await store.destinations().map(\.name)) == Set((0..<8).map { "d\($0)" }))
    }

    @Test func aDirectoryFollows() async throws {
        let time = ManualTime()
        let directory = try await DestinationDirectory(store, time: time)
        #expect(directory.snapshot.destinations.isEmpty)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await directory.run() }
            defer { group.cancelAll() }
            for names in [["a"], ["a", "b"], ["b"]] {
                if names == ["b"] {
                    try await store.remove("a")
                } else {
                    try await store.add(Self.folder(names[names.count - 1]))
                }
                var rounds = 0
                while directory.snapshot.destinations.map(\.name) != names, rounds < 100_000 {
                    await Task.yield()
                    rounds += 1
                    if rounds % 20 == 0 { time.advance(by: DestinationDirectory.pollInterval) }
                }
                #expect(directory.snapshot.destinations.map(\.name) == names)
            }
        }
        #expect(try await directory.refresh() == false)
    }
}

import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization
import Testing

/// A store with a name that takes so many writes before it is away.
private final class NamedStore: ObjectSink {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        var writesLeft = Int.max
        var isSecretive = false
    }

    let place: SinkPlace?
    private let state = Mutex(State())

    init(_ name: String) { place = .endpoint(name) }

    var keys: [String] { state.withLock { $0.objects.keys.sorted() } }
    var text: String {
        state.withLock { $0.objects.values.map { String(decoding: $0, as: UTF8.self) }.sorted().joined() }
    }

    /// Whether it tells of what is not there; many stores do not without a right to list.
    func keepSecrets(_ isSecretive: Bool) { state.withLock { $0.isSecretive = isSecretive } }
    func take(_ writes: Int) { state.withLock { $0.writesLeft = writes } }
    func put(_ key: String, _ bytes: [UInt8]?) { state.withLock { $0.objects[key] = bytes } }

    func prepare() async throws(SinkError) {}

    func write(_ key: String, body: ObjectBody) async throws {
        var bytes: [UInt8] = []
        while let piece = try await body.next() { bytes += piece }
        let isTaken = state.withLock { state in
            guard state.writesLeft > 0 else { return false }
            state.writesLeft -= 1
            state.objects[key] = bytes
            return true
        }
        guard isTaken else { throw SinkError(.unavailable, "away") }
    }

    func holds(_ key: String) async throws(SinkError) -> Bool {
        let (isThere, isSecretive) = state.withLock { ($0.objects[key] != nil, $0.isSecretive) }
        if !isThere, isSecretive { throw SinkError(.accessDenied, "no right to list") }
        return isThere
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        state.withLock { $0.objects[key] }.map(body) != nil
    }
}

/// Agencies and the stores that stand behind them now.
private final class ChangingDestinations: ObjectSinkProvider {
    private let stores: Mutex<[String: NamedStore]>

    init(_ stores: [String: NamedStore]) { self.stores = Mutex(stores) }

    func replace(_ agency: String, by store: NamedStore?) { stores.withLock { $0[agency] = store } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        guard let store = stores.withLock({ $0[agency] }) else { throw SinkError(.unknownDestination, "none") }
        return store
    }

    func hasDestination(project: ProjectID, agency: String) -> Bool { stores.withLock { $0[agency] != nil } }
}

/// A destination that is replaced or removed while a delivery is under way: the delivery lies in one store as a whole.
@Suite(.timeLimit(.minutes(1))) struct DestinationChangeTests {
    private let first = NamedStore("first:1")
    private let second = NamedStore("second:2")
    private let destinations: ChangingDestinations

    init() { destinations = ChangingDestinations(["x": first]) }

    /// Three directories of two records each.
    private func house() async throws -> TestHouse {
        let house = try await TestHouse(dataType: .json, bucket: destinations)
        try await house.put((0..<6).map { #"{"t":"2026-01-0\#($0 % 3 + 1) 00:00:00","n":\#($0)}"# })
        return house
    }

    private func descriptor(_ house: TestHouse, agency: String = "x") -> OBSDescriptor {
        house.descriptor {
            $0.agencyName = agency
            $0.partitionFormat = "yyyy/MM/dd"
            $0.processingSchema = .init(
                timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
        }
    }

    private func isDelivered(_ house: TestHouse) async throws -> Bool {
        try await house.show().partitions[0].next == SequenceNumber(6)
    }

    /// All of it is at one place, and ledger and verification say so.
    private func check(_ house: TestHouse, at store: NamedStore) async throws {
        let page = try await house.tasks.verification(of: "to-lake", on: "meters", in: house.project)
        #expect(page.verifications.map(\.state) == [.ok, .ok, .ok])
        #expect(page.verifications.map(\.delivery.object).sorted() == store.keys)
        #expect(page.verifications.allSatisfy { $0.delivery.destination == store.place?.text })
        #expect(store.text.count(where: { $0 == "\n" }) == 6)
    }

    private func messages(_ house: TestHouse) async throws -> [String] {
        let id = try await house.show().summary.task.id
        return try await house.tasks.dumpLog(of: id, in: house.project).map(\.message).filter {
            $0.contains("may hold")
        }
    }

    @Test(arguments: [0, 1, 2], [false, true]) func aReplacedDestinationGetsAllOfTheDelivery(
        written: Int, isStopped: Bool
    ) async throws {
        let house = try await house()
        first.take(written)
        try await house.running {
            try await house.tasks.create(descriptor(house), on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .abnormal }
            #expect(first.keys.count == written)
            if isStopped { try await house.tasks.stop(["to-lake"], on: "meters", in: house.project) }
            destinations.replace("x", by: second)
            if isStopped { try await house.tasks.start(["to-lake"], on: "meters", in: house.project) }
            try await house.advance { try await isDelivered(house) }
        }
        try await check(house, at: second)
        let told = try await messages(house)
        #expect(told.count == 1 && told[0].contains("first:1") && first.keys.allSatisfy { told[0].contains($0) })
        // What is delivered at one place is missed at another, by name.
        destinations.replace("x", by: NamedStore("third:3"))
        let page = try await house.tasks.verification(of: "to-lake", on: "meters", in: house.project)
        #expect(page.verifications.allSatisfy { $0.state == .missing && $0.message.contains("second:2") })
    }

    @Test func backAtTheFirstPlaceNothingIsThereTwice() async throws {
        let house = try await house()
        first.take(2)
        second.take(1)
        try await house.running {
            try await house.tasks.create(descriptor(house), on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .abnormal }
            destinations.replace("x", by: second)
            try await house.advance { second.keys.count == 1 }
            first.take(.max)
            destinations.replace("x", by: first)
            try await house.advance { try await isDelivered(house) }
        }
        try await check(house, at: first)
        #expect(try await messages(house).count == 2)
    }

    @Test func anObjectOfSomebodyElseAtTheNewPlaceStays() async throws {
        let house = try await house()
        first.take(1)
        try await house.running {
            try await house.tasks.create(descriptor(house), on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .abnormal }
            let key = try #require(first.keys.first)
            second.put(key, [7])
            destinations.replace("x", by: second)
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason.contains(key))
            #expect(second.keys == [key] && second.text == "\u{7}")
            second.put(key, nil)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await isDelivered(house) }
        }
        try await check(house, at: second)
    }

    /// The reason names what is missing, and no object that nobody has seen.
    @Test func aNewPlaceThatDoesNotTellSaysWhy() async throws {
        let house = try await house()
        first.take(1)
        second.keepSecrets(true)
        try await house.running {
            try await house.tasks.create(descriptor(house), on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .abnormal }
            destinations.replace("x", by: second)
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason == "no right to list")
            second.keepSecrets(false)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await isDelivered(house) }
        }
        try await check(house, at: second)
    }

    @Test func anUpdateTakesADeliveryAlongWhoseDestinationWasRemoved() async throws {
        let house = try await house()
        first.take(1)
        try await house.running {
            try await house.tasks.create(descriptor(house), on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .abnormal }
            destinations.replace("x", by: nil)
            try await house.advance { try await house.show().summary.state == .error }
            destinations.replace("y", by: second)
            try await house.tasks.update(descriptor(house, agency: "y"), on: "meters", in: house.project)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await isDelivered(house) }
            #expect(try await house.show().summary.reason.isEmpty)
        }
        try await check(house, at: second)
        #expect(try await messages(house).count == 1)
    }
}

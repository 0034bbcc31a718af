import Foundation
import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization
import Testing

/// A bucket in memory that lists its objects, few at a time.
private final class ListedBucket: ObjectSink, ObjectSinkProvider {
    private struct State {
        var objects: [String: (bytes: [UInt8], modifiedAt: Timestamp)] = [:]
        var refusal: SinkError?
        var writesFail = false
        var listings = 0
    }

    private let state = Mutex(State())
    let time = Mutex<Timestamp>(Timestamp(milliseconds: 0))

    var keys: [String] { state.withLock { $0.objects.keys.sorted() } }
    var listings: Int { state.withLock(\.listings) }

    func put(_ key: String, at time: Timestamp) { state.withLock { $0.objects[key] = ([1], time) } }
    func refuse(_ error: SinkError?) { state.withLock { $0.refusal = error } }
    func failWrites(_ fail: Bool) { state.withLock { $0.writesFail = fail } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }
    func prepare() async throws(SinkError) {}

    func write(_ key: String, body: ObjectBody) async throws {
        var bytes: [UInt8] = []
        while let piece = try await body.next() { bytes += piece }
        let fails = state.withLock { state in
            // Later than everything that a test makes.
            state.objects[key] = (bytes, Timestamp(milliseconds: .max))
            return state.writesFail
        }
        if fails { throw SinkError(.unavailable, "after success") }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        state.withLock { $0.objects[key]?.bytes }.map(body) != nil
    }

    func list(below prefix: String, after: String?, limit: Int) async throws(SinkError) -> ObjectListing {
        let (objects, refusal) = state.withLock { state in
            state.listings += 1
            return (state.objects, state.refusal)
        }
        if let refusal { throw refusal }
        let fitting = objects.filter { $0.key.hasPrefix(prefix) && $0.key > after ?? "" }.sorted { $0.key < $1.key }
        let size = 3
        return ObjectListing(
            objects: fitting.prefix(size).map {
                ListedObject(key: $0.key, length: $0.value.bytes.count, modifiedAt: $0.value.modifiedAt)
            }, hasMore: fitting.count > size)
    }
}

/// Objects that the ledger does not know are found, and nothing else is.
@Suite(.timeLimit(.minutes(1))) struct StrangerTests {
    private let bucket = ListedBucket()

    private func house(_ change: @escaping @Sendable (inout OBSDescriptor) -> Void = { _ in }) async throws -> TestHouse
    {
        let house = try await TestHouse(partitions: 2, bucket: bucket)
        try await house.running {
            try await house.tasks.create(house.descriptor("to-lake", change), on: "meters", in: house.project)
            for round in 1...4 {
                for partition in 0...1 { try await house.put(["a", "b"], partition: partition) }
                try await house.advance(by: .seconds(30)) {
                    try await house.show().partitions.allSatisfy { $0.next == SequenceNumber(Int64(2 * round)) }
                }
            }
        }
        return house
    }

    private func strangers(
        _ house: TestHouse, partition: PartitionNumber? = nil, limit: Int = 100
    ) async throws -> [String] {
        var found: [String] = []
        var next: String?
        repeat {
            let page = try await house.tasks.strangers(
                of: "to-lake", on: "meters", in: house.project, partition: partition, after: next, limit: limit)
            #expect(page.strangers.count <= limit && page.message.isEmpty)
            found += page.strangers.map(\.object)
            next = page.next
        } while next != nil
        return found
    }

    private static func name(_ first: Int, _ rest: String = "9.txt", partition: Int = 0) -> String {
        "meters_to-lake_shardId-000000000\(partition)_\(String(repeating: "0", count: 18))\(first)_\(rest)"
    }

    static let layouts: [(prefix: String, format: String)] = [
        ("", ""), ("raw/in", ""), ("raw", "yyyy/MM/dd"), ("", "yyyy"),
    ]

    @Test(arguments: layouts.indices, [1, 2, 100]) func whatTheLedgerDoesNotKnowIsFound(layout: Int, limit: Int)
        async throws
    {
        let (prefix, format) = Self.layouts[layout]
        let house = try await house {
            $0.filePrefix = prefix
            $0.partitionFormat = format
        }
        #expect(bucket.keys.count == 8)
        #expect(try await strangers(house, limit: limit).isEmpty)
        let directory = String(
            bucket.keys[0][..<(bucket.keys[0].range(of: "meters_")?.lowerBound ?? bucket.keys[0].startIndex)])
        let created = try await house.show().summary.task.createdAt
        let doubles = [
            Self.name(10), Self.name(11, "1_r3.parquet"), Self.name(12, "1_ABCDEFGH.txt.gz"),
            Self.name(13, "2_r1_ABCDEFGH.csv.gz", partition: 1), Self.name(99),
        ].map { directory + $0 }
        for key in doubles { bucket.put(key, at: created) }
        for other in [
            Self.name(10, "9"), Self.name(10, "9.log"), Self.name(10, "x.txt"), "meters_to-lake_readme.txt",
            "meters_to-lake2_shardId-0000000000_00000000000000000010_9.txt", "meters_to-lake_shardId-0_1_9.txt", "z",
        ] { bucket.put(directory + other, at: created) }
        bucket.put((prefix.isEmpty ? "" : prefix + "/") + "error/" + Self.name(10), at: created)
        // Older than the task: a former one of its names has left it.
        bucket.put(directory + Self.name(20), at: Timestamp(milliseconds: created.milliseconds - 1001))
        #expect(try await strangers(house, limit: limit) == doubles.sorted())
        #expect(try await strangers(house, partition: PartitionNumber(1), limit: limit) == [doubles[3]])
    }

    /// Who else may have written the objects of a listing is looked for once, however many the ledger does not know.
    @Test func manyStrangersCostOneLook() async throws {
        let catalog = WatchedCatalog(catalog: MemoryCatalog())
        let house = try await TestHouse(catalog: catalog, bucket: bucket)
        try await house.put(["a"])
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
        }
        let created = try await house.show().summary.task.createdAt
        for first in 10...99 { bucket.put(Self.name(first), at: created) }
        let before = catalog.listings
        #expect(try await strangers(house).count == 90)
        // The bucket lists three objects at a time.
        #expect(catalog.listings - before < 100)
    }

    @Test func aDeliveryUnderWayIsNoStranger() async throws {
        let house = try await house()
        bucket.failWrites(true)
        try await house.put(["c"])
        try await house.running {
            try await house.advance { bucket.keys.count == 9 }
            #expect(try await strangers(house).isEmpty)
        }
    }

    @Test func formerPrefixesAreLookedThroughAndOtherTasksLeftAlone() async throws {
        let house = try await house { $0.filePrefix = "old" }
        try await house.running {
            try await house.tasks.update(house.descriptor { $0.filePrefix = "new" }, on: "meters", in: house.project)
            try await house.put(["c"])
            try await house.advance { bucket.keys.count == 9 }
        }
        let created = try await house.show().summary.task.createdAt
        for prefix in ["new", "old", "other"] { bucket.put("\(prefix)/" + Self.name(50), at: created) }
        #expect(try await strangers(house).sorted() == ["new/" + Self.name(50), "old/" + Self.name(50)])
    }

    @Test func aBucketThatCannotBeListedIsPartOfTheAnswer() async throws {
        let house = try await house()
        bucket.refuse(SinkError(.accessDenied, "no right to list"))
        let page = try await house.tasks.strangers(of: "to-lake", on: "meters", in: house.project)
        #expect(page == StrangerPage(message: "no right to list"))
        for token in ["", "x", "-1/a", "1", String(repeating: "0", count: 3000) + "/"] {
            await #expect(throws: TransferError.self) {
                try await house.tasks.strangers(of: "to-lake", on: "meters", in: house.project, after: token)
            }
        }
    }
}

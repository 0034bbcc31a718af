import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceTransfers

@Suite(.timeLimit(.minutes(2))) struct ParkedTests {
    typealias Parked = ParkedHouse
    let stem = "meters_to-lake_shardId-0000000000_"

    @Test func recordsThatDoNotConvertAreParkedAndTheRestIsDelivered() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([Parked.good, Parked.junk, Parked.good, Parked.wrong, ""])
        try await house.running {
            try await world.create { $0.filePrefix = "raw" }
            try await house.advance { try await world.isDelivered() }
            // The state follows the commit; the clock stands still, or the task would heal meanwhile.
            try await house.advance(by: .zero) { try await house.show().summary.state == .abnormal }
            let task = try await house.show()
            #expect(task.summary.reason.hasPrefix("3 records could not be converted and were parked"))
            #expect(task.partitions[0].delivered == 2 && task.partitions[0].parked == 3)
            // It heals by itself, while nothing is delivered.
            try await house.advance { try await house.show().summary.state == .running }
            #expect(try await house.show().summary.reason == "")
        }
        let name = "raw/\(stem)00000000000000000000_5.parquet"
        let errors = "raw/error/\(stem)00000000000000000000_5.txt"
        #expect(Set(world.bucket.objects.keys) == [name, errors])
        #expect(world.bucket.objects[errors] == Array("junk\n{\"a\":\"x\"}\n\n".utf8))
        #expect(world.bucket.objects[name]?.prefix(4) == Array("PAR1".utf8)[...])
        let parked = try await world.parked()
        #expect(parked.map(\.number.value) == [1, 3, 4])
        #expect(parked.allSatisfy { $0.attempts == 1 && !$0.cause.isEmpty && $0.errorObject == errors })
        #expect(try await world.verdict() == nil)
        let log = try await house.tasks.dumpLog(of: house.show().summary.task.id, in: house.project)
        #expect(log.map(\.state) == [.succeeded, .abnormal] && log[1].object == errors && log[1].records == 3)
    }

    @Test func aDeliveryWithoutAConvertibleRecordMakesNoObject() async throws {
        let world = try await ParkedHouse()
        try await world.house.put([Parked.junk, Parked.wrong])
        try await world.house.running {
            try await world.create()
            try await world.house.advance { try await world.isDelivered() }
        }
        #expect(Array(world.bucket.objects.keys) == ["error/\(stem)00000000000000000000_2.txt"])
        #expect(try await world.verdict() == nil)
    }

    @Test(arguments: ["snappy", "zstd", "none"])
    func directoriesAndCompressionsHoldTheSameRecords(compression: String) async throws {
        let world = try await ParkedHouse { $0.readSize = ByteCount(200) }
        let times = (0..<40).map { #"{"a":\#($0),"t":\#(1_760_000_000_000 + $0 * 7 % 5 * 86_400_000)}"# }
        try await world.house.put(times + ["{}"] + times)
        try await world.house.running {
            try await world.create {
                $0.compressionFormat = compression
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(timestampName: "t", timestampType: "Timestamp")
            }
            try await world.house.advance { try await world.isDelivered() }
        }
        #expect(world.bucket.objects.count == 6)
        #expect(try await world.parked().map(\.number.value) == [40])
        #expect(try await world.verdict() == nil)
    }

    @Test func aReplayDeliversWhatConvertsNowAndParksTheRestAgain() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([Parked.wrong, Parked.good, Parked.junk, Parked.wrong])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            // Nothing has changed: all fail again.
            #expect(try await world.replay() == 3)
            try await house.advance { try await world.parked().allSatisfy { $0.attempts == 2 } }
            #expect(try await world.verdict() == nil)
            try await house.setPartitions(1, dataType: .json, schema: Parked.wide, version: 2)
            #expect(try await world.replay() == 3)
            try await house.advance { try await world.parked().map(\.attempts) == [3] }
            #expect(try await world.verdict() == nil)
            #expect(try await house.show().partitions[0].delivered == 3)
        }
        #expect(world.bucket.objects.keys.contains("\(stem)00000000000000000000_3_r2.parquet"))
    }

    @Test func aPausedTaskReplaysWhenItIsStarted() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([Parked.wrong, Parked.good])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            #expect(try await world.replay() == 1)
            #expect(try await world.parked().map(\.isReplayPending) == [true])
            let text = house.descriptor { $0.filePrefix = "plain" }
            try await house.tasks.update(text, on: "meters", in: house.project)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await world.parked().isEmpty }
        }
        #expect(
            world.bucket.objects["plain/\(stem)00000000000000000000_1_r1.txt"] == Array((Parked.wrong + "\n").utf8))
        #expect(try await world.verdict() == nil)
    }

    @Test func discardingForgetsAndCounts() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([Parked.junk, Parked.wrong, Parked.good, Parked.junk, Parked.wrong])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            let causes = try await world.parked().map(\.cause)
            #expect(causes[0] == causes[2] && causes[0] != causes[1])
            var filter = ParkedFilter()
            filter.cause = causes[0]
            filter.from = 1
            #expect(try await world.discard(filter) == 1)
            #expect(try await world.parked().map(\.number.value) == [0, 1, 4])
            #expect(try await world.discard(filter) == 0)
            // A mark does not protect, as long as no replay has begun.
            #expect(try await world.replay() == 3)
            filter = ParkedFilter()
            filter.numbers = [4, 77]
            #expect(try await world.discard(filter) == 1)
            #expect(try await world.verdict(discarded: 2) == nil)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await world.parked().map(\.attempts) == [2, 2] }
            #expect(try await world.discard() == 2)
        }
        #expect(try await world.verdict(discarded: 4) == nil)
    }

    /// The total of a filtered list is counted once and goes on with its pages; it is what going through all of them gives.
    @Test(
        arguments: [
            (nil, nil, nil, 60), (Int64(7), nil, nil, 53), (nil, Int64(20), nil, 21), (Int64(11), Int64(30), nil, 20),
            (nil, nil, "JSON", 40), (nil, nil, "no such", 0), (Int64(10), Int64(30), "JSON", 14), (nil, nil, "", 60),
            (Int64(60), nil, nil, 0),
        ] as [(Int64?, Int64?, String?, Int)])
    func filteredListsHaveTheirTotal(from: Int64?, to: Int64?, cause: String?, expected: Int) async throws {
        let catalog = ReadingCatalog(MemoryCatalog())
        let world = try await ParkedHouse(catalog: catalog)
        let house = world.house
        try await house.put((0..<60).map { $0 % 3 == 0 ? Parked.wrong : Parked.junk })
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
        }
        var filter = ParkedFilter()
        filter.from = from
        filter.to = to
        filter.cause = cause
        var numbers: [Int64] = []
        var next: String?
        repeat {
            let before = catalog.entriesRead
            let page = try await house.tasks.parkedRecords(
                of: "to-lake", on: "meters", in: house.project, filter: filter, after: next, limit: 7)
            #expect(page.total == expected)
            if next != nil, cause == nil { #expect(catalog.entriesRead - before < 60, "counted again") }
            numbers += page.records.map(\.number.value)
            next = page.next
        } while next != nil
        #expect(numbers.count == expected && numbers == numbers.sorted())
    }

    @Test(arguments: [
        ("the record is not JSON (byte 1)", "JSON", true), ("the record is not JSON (byte 1)", "json", false),
        ("a \"b\" is\nwrong", "b\" is", true), ("a \\ b", "\\", true), ("caf\u{e9}", "cafe\u{301}", true),
        ("caf\u{e9} is wrong", "is wrong", true), ("short", "much longer than the cause", false), ("x", "x", true),
        ("", "x", false), ("e\u{301}", "e", false), ("a/b", "a/b", true), ("a\tb", "\t", true),
    ])
    func causesAreFoundInStoredEntries(cause: String, text: String, fits: Bool) throws {
        let entry = ParkedEntry(
            cause: cause, attempts: 1, timestamp: 0, key: "\"cause\":\"JSON x", bytes: 5, parkedAt: 0,
            lastAttemptAt: 0, errorObject: "x is wrong/JSON/\(text)")
        let stored = CatalogEntry(key: CatalogKey("k"), value: try TransferStore.encode(entry), revision: 1)
        #expect(try CauseMatcher(text).fits(stored) == fits)
        #expect(cause.contains(text) == fits)
    }

    /// Numbers that lie far apart are looked up one by one.
    @Test func fewNumbersAreFoundWithoutReadingAll() async throws {
        let catalog = ReadingCatalog(MemoryCatalog())
        let world = try await ParkedHouse(catalog: catalog)
        let house = world.house
        try await house.put([String](repeating: Parked.junk, count: 300))
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
        }
        var filter = ParkedFilter()
        filter.numbers = [0, 299, 300, 7000]
        let before = catalog.entriesRead
        #expect(try await world.discard(filter) == 2)
        #expect(catalog.entriesRead - before < 30)
        #expect(try await world.parked().count == 298)
    }

    @Test func pagesEndAtFourMebibytes() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put((0..<5).map { _ in String(repeating: "x", count: 2 << 20) } + [Parked.junk])
        try await house.running {
            try await world.create()
            try await house.advance { try await world.isDelivered() }
        }
        var counts: [Int] = []
        var next: String?
        repeat {
            let page = try await house.tasks.parkedRecords(
                of: "to-lake", on: "meters", in: house.project, after: next)
            #expect(page.total == 6)
            counts.append(page.records.count)
            next = page.next
        } while next != nil
        #expect(counts == [2, 2, 2])
        let all = try await house.tasks.parkedRecords(
            of: "to-lake", on: "meters", in: house.project, withData: false)
        #expect(all.records.count == 6 && all.records.allSatisfy(\.data.isEmpty) && all.next == nil)
    }

    @Test func tooManyParkedRecordsStopTheTaskUntilSomebodyHasLooked() async throws {
        let world = try await ParkedHouse {
            $0.parkedRecordsMax = 2
            $0.objectSizeMax = ByteCount(1)
        }
        let house = world.house
        try await house.put([Parked.junk, Parked.wrong, Parked.wrong, Parked.good])
        try await house.running {
            try await world.create()
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason.contains("replay or discard them, then start the task"))
            #expect(try await world.parked().count == 2)
            try await house.setPartitions(1, dataType: .json, schema: Parked.wide, version: 2)
            #expect(try await world.replay() == 2)
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await world.isDelivered() }
            #expect(try await world.parked().count == 1)
        }
        #expect(try await world.verdict() == nil)
    }

    /// However small its records are, one delivery adds a bounded number to the parked ones.
    @Test func aDeliveryHoldsABoundedNumberOfRecords() async throws {
        let world = try await ParkedHouse { $0.recordsMax = 3 }
        try await world.house.put([String](repeating: Parked.junk, count: 7))
        try await world.house.running {
            try await world.create()
            try await world.house.advance { try await world.isDelivered() }
        }
        let stems = [(0, 3), (3, 3), (6, 1)].map { "error/\(stem)0000000000000000000\($0)_\($1).txt" }
        #expect(Set(world.bucket.objects.keys) == Set(stems))
        #expect(try await world.verdict() == nil)
    }

    @Test func aSchemaThatIsGoneStopsTheTask() async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.running {
            try await world.create()
            try await house.put([Parked.good])
            try await house.advance { try await world.isDelivered() }
            try await house.setPartitions(1, dataType: .json, schema: nil, version: 2)
            try await house.advance { try await house.show().summary.state == .error }
            #expect(try await house.show().summary.reason.contains("schema"))
        }
    }

    @Test(arguments: [nil, "{", #"{"type":"record"}"#, #""string""#])
    func aSchemaWithoutColumnsIsRefused(schema: String?) async throws {
        let house = try await TestHouse(dataType: .json, schema: schema)
        do {
            try await house.tasks.create(
                house.descriptor { $0.destinationFileType = "parquet" }, on: "meters", in: house.project)
            Issue.record("was accepted")
        } catch {
            #expect(error.code == (schema == nil ? .invalidRequest : .invalidDataSchema))
        }
        #expect(try await house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 1).isEmpty)
    }

    @Test func deletingTheTaskForgetsWhatIsParked() async throws {
        let world = try await ParkedHouse()
        try await world.house.put([Parked.junk, Parked.good])
        try await world.house.running {
            try await world.create()
            try await world.house.advance { try await world.isDelivered() }
            try await world.house.tasks.stop(["to-lake"], on: "meters", in: world.house.project)
            #expect(try await world.replay() == 1)
            try await world.house.tasks.delete("to-lake", on: "meters", in: world.house.project)
        }
        #expect(try await world.house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 1).isEmpty)
    }

    /// The last number there is has none behind it.
    @Test func aPageMayBeginBehindEverything() async throws {
        let world = try await ParkedHouse()
        try await world.house.put([Parked.junk])
        try await world.house.running {
            try await world.create()
            try await world.house.advance { try await world.isDelivered() }
        }
        let page = try await world.house.tasks.parkedRecords(
            of: "to-lake", on: "meters", in: world.house.project, after: "0000000000/\(Int64.max)")
        #expect(page.records.isEmpty && page.next == nil && page.total == 1)
    }
}

/// Counts the entries that are read.
final class ReadingCatalog: Catalog {
    private let catalog: any Catalog
    private let count = Mutex(0)

    init(_ catalog: any Catalog) {
        self.catalog = catalog
    }

    var entriesRead: Int { count.withLock { $0 } }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        count.withLock { $0 += 1 }
        return try await catalog.get(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        let page = try await catalog.list(prefix: prefix, after: after, limit: limit)
        count.withLock { $0 += page.count }
        return page
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) { try await catalog.commit(changes) }
}

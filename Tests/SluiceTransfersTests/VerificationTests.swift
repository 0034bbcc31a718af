import Compression
import SluiceCatalog
import SluiceCore
import SluiceFormats
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization
import Testing

/// A bucket whose objects somebody else changes, or that cannot be read.
final class TamperedBucket: ObjectSink, ObjectSinkProvider {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        var failures: [String: SinkError] = [:]
        var reads = 0
    }

    private let state = Mutex(State())
    var keys: [String] { state.withLock { $0.objects.keys.sorted() } }
    var reads: Int { state.withLock(\.reads) }

    func change(_ key: String, _ body: (inout [UInt8]?) throws -> Void) rethrows {
        try state.withLock { try body(&$0.objects[key]) }
    }

    func fail(_ key: String, _ error: SinkError?) { state.withLock { $0.failures[key] = error } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }
    func prepare() async throws(SinkError) {}

    func write(_ key: String, body: ObjectBody) async throws {
        var bytes: [UInt8] = []
        while let piece = try await body.next() { bytes += piece }
        state.withLock { $0.objects[key] = bytes }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        let (bytes, failure) = state.withLock { state in
            state.reads += 1
            return (state.objects[key], state.failures[key])
        }
        if let failure { throw failure }
        return bytes.map(body) != nil
    }
}

@Suite(.timeLimit(.minutes(1))) struct VerificationTests {
    /// Four deliveries of five records each, in partition 0.
    private func house(
        _ bucket: TamperedBucket, dataType: StreamDataType = .json, deliveries: Int = 4,
        _ change: @escaping @Sendable (inout OBSDescriptor) -> Void = { _ in }
    ) async throws -> TestHouse {
        let house = try await TestHouse(dataType: dataType, bucket: bucket)
        try await house.running {
            try await house.tasks.create(house.descriptor("to-lake", change), on: "meters", in: house.project)
            for round in 0..<deliveries {
                try await house.put((0..<5).map { #"{"t":"2026-01-0\#($0 % 3 + 1) 00:00:00","n":\#(round)}"# })
                try await house.advance(by: .seconds(30)) {
                    try await house.show().partitions[0].next == SequenceNumber(Int64(5 * round + 5))
                }
            }
        }
        return house
    }

    private func verify(_ house: TestHouse, limit: Int = 100) async throws -> [Verification] {
        var found: [Verification] = []
        var next: String?
        repeat {
            let page = try await house.tasks.verification(
                of: "to-lake", on: "meters", in: house.project, after: next, limit: limit)
            #expect(page.verifications.count <= limit)
            found += page.verifications
            next = page.next
        } while next != nil
        return found
    }

    static let layouts: [(name: String, dataType: StreamDataType, change: @Sendable (inout OBSDescriptor) -> Void)] = [
        ("text", .json, { _ in }), ("text without delimiter", .json, { $0.recordDelimiter = "" }),
        ("csv", .csv, { $0.destinationFileType = "csv" }), ("gzip", .json, { $0.compressionFormat = "gzip" }),
        ("directories of generation", .json, { $0.partitionFormat = "yyyy/MM/dd/HH/mm" }),
        (
            "directories of records", .json,
            {
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(
                    timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
            }
        ),
        (
            "directories of records with gzip", .json,
            {
                $0.compressionFormat = "gzip"
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(
                    timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
            }
        ),
    ]

    @Test(arguments: layouts.map(\.name))
    func objectsAreComparedWithTheStream(layout: String) async throws {
        let row = try #require(Self.layouts.first { $0.name == layout })
        let bucket = TamperedBucket()
        let house = try await house(bucket, dataType: row.dataType, row.change)
        let reads = bucket.reads
        let found = try await verify(house, limit: 3)
        #expect(bucket.reads == reads + found.count)
        #expect(found.map(\.delivery.object).sorted() == bucket.keys)
        for verification in found {
            #expect(verification.state == .ok && verification.isComparedWithStream && verification.message.isEmpty)
        }
        #expect(found.reduce(0) { $0 + $1.delivery.records } == 20)
        // Also after an update: each object is compared in the form it was delivered in.
        try await house.tasks.update(
            house.descriptor {
                row.change(&$0)
                $0.compressionFormat = "none"
                $0.recordDelimiter = "|"
            }, on: "meters", in: house.project)
        #expect(try await verify(house) == found)
    }

    static let tampering: [(name: String, state: Verification.State, change: @Sendable (inout [UInt8]?) -> Void)] = [
        ("deleted", .missing, { $0 = nil }), ("one bit", .differs, { $0?[7] ^= 1 }),
        ("truncated", .differs, { $0?.removeLast() }), ("emptied", .differs, { $0 = [] }),
        ("extended", .differs, { $0?.append(10) }), ("swapped", .differs, { $0?.swapAt(3, 4) }),
    ]

    /// Somebody has put a bomb in an object's place: longer than what was delivered, and endless once decompressed.
    @Test func whatIsLongerThanItShouldBeIsNotDecompressed() async throws {
        let bucket = TamperedBucket()
        let house = try await house(bucket) { $0.compressionFormat = "gzip" }
        let member = try Compression.compress([UInt8](repeating: 0, count: 64 << 20), as: .gzip, level: 9)
        bucket.change(bucket.keys[1]) { object in
            var bomb: [UInt8] = []
            for _ in 0..<2000 { bomb += member }
            object = bomb
        }
        #expect(try await verify(house).map(\.state) == [.ok, .differs, .ok, .ok])
    }

    @Test(arguments: tampering.map(\.name))
    func tamperedObjectsAreFound(how: String) async throws {
        let row = try #require(Self.tampering.first { $0.name == how })
        let bucket = TamperedBucket()
        let house = try await house(bucket)
        bucket.change(bucket.keys[2], row.change)
        let found = try await verify(house)
        #expect(found.map(\.state) == [.ok, .ok, row.state, .ok])
        #expect(found[2].delivery.object.contains("_00000000000000000010_5") && !found[2].message.isEmpty)
    }

    @Test(arguments: [
        SinkError(.unavailable, "no answer"), SinkError(.accessDenied, "refused"), SinkError(.throttled, "slow down"),
    ])
    func unreadableObjectsAreNoFailureOfTheCall(error: SinkError) async throws {
        let bucket = TamperedBucket()
        let house = try await house(bucket)
        bucket.fail(bucket.keys[0], error)
        var found = try await verify(house)
        #expect(found.map(\.state) == [.unreadable, .ok, .ok, .ok] && found[0].message == error.message)
        bucket.fail(bucket.keys[0], SinkError(.notFound, "no bucket"))
        #expect(try await verify(house).map(\.state) == [.missing, .ok, .ok, .ok])
        bucket.fail(bucket.keys[0], nil)
        found = try await verify(house)
        #expect(found.allSatisfy { $0.state == .ok })
    }

    @Test func whatRetentionHasTakenIsComparedWithTheLedger() async throws {
        let bucket = TamperedBucket()
        let house = try await house(bucket)
        // Inside the second object: it cannot be made again as a whole.
        try await house.log.trim(house.partition(0), before: SequenceNumber(7))
        var found = try await verify(house)
        #expect(found.allSatisfy { $0.state == .ok })
        #expect(found.map(\.isComparedWithStream) == [false, false, true, true])
        bucket.change(bucket.keys[0]) { $0?[0] ^= 1 }
        try await house.log.deletePartitions([house.partition(0)])
        found = try await verify(house)
        #expect(found.map(\.state) == [.differs, .ok, .ok, .ok])
        #expect(found.map(\.isComparedWithStream) == [false, false, false, false])
    }

    /// Gives the object at that place other bytes, and the ledger their length and checksum.
    private func forge(
        _ house: TestHouse, _ bucket: TamperedBucket, _ index: Int, _ change: ([UInt8]) throws -> [UInt8]
    ) async throws {
        let key = bucket.keys[index]
        var forged: [UInt8] = []
        try bucket.change(key) { bytes in
            forged = try change(bytes ?? [])
            bytes = forged
        }
        for entry in try await house.catalog.list(prefix: CatalogKey("transfer/ledger/"), after: nil, limit: 100)
        where String(decoding: entry.value, as: UTF8.self).contains("\"object\":\"\(key)\"") {
            var text = String(decoding: entry.value, as: UTF8.self)
            text.replace(/"bytes":\d+/, with: "\"bytes\":\(forged.count)")
            text.replace(/"crc32c":\d+/, with: "\"crc32c\":\(CRC32C.checksum(forged))")
            try await house.catalog.commit([.put(entry.key, Array(text.utf8))])
        }
    }

    /// As after an update of the system: the library makes other bytes of the same text.
    @Test func anotherCompressorMakesNoDifference() async throws {
        let bucket = TamperedBucket()
        let house = try await house(bucket) { $0.compressionFormat = "gzip" }
        try await forge(house, bucket, 0) { object in
            let plain = try Compression.decompress(object, as: .gzip, limit: 1 << 20)
            let other = try Compression.compress(plain, as: .gzip, level: 1)
            #expect(other != object)
            return other
        }
        try await forge(house, bucket, 1) { _ in try Compression.compress(Array("forged\n".utf8), as: .gzip) }
        try await forge(house, bucket, 2) { try Compression.decompress($0, as: .gzip, limit: 1 << 20) }
        try await forge(house, bucket, 3) { $0.dropLast() }
        let found = try await verify(house)
        #expect(found.map(\.state) == [.ok, .differs, .differs, .differs])
        #expect(found.allSatisfy(\.isComparedWithStream) && found[0].message.isEmpty)
        #expect(found[1].message.contains("stream") && found[2].message.contains("not of its format"))
    }

    @Test(arguments: ["snappy", "zstd", "none"], ["same", "level", "codec", "record", "order", "text"])
    func anotherCompressorMakesNoDifferenceToColumns(compression: String, change: String) async throws {
        let bucket = TamperedBucket()
        let house = try await TestHouse(dataType: .json, schema: ParkedHouse.narrow, bucket: bucket)
        let records = (0..<200).map { #"{"a":\#($0 % 7)}"# }
        try await house.put(records)
        try await house.running {
            let descriptor = house.descriptor("to-lake") {
                $0.destinationFileType = "parquet"
                $0.compressionFormat = compression
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(200) }
        }
        let codec: ParquetFile.Codec = compression == "zstd" ? .zstd : compression == "snappy" ? .snappy : .none
        try await forge(house, bucket, 0) { object in
            var others = records
            if change == "record" { others[99] = #"{"a":8}"# }
            if change == "order" { others.swapAt(1, 2) }
            if change == "text" { return Array("no columns".utf8) }
            var file = try ParquetFile(
                schema: ParquetSchema(AvroSchema(parsing: ParkedHouse.narrow)),
                codec: change == "codec" ? .zstd : codec,
                rowGroupSize: .mebibytes(16), zstdLevel: change == "level" ? 19 : ParquetFile.zstdLevel)
            for record in others { try file.append(Array(record.utf8)) }
            let bytes = try file.finish()
            #expect(
                (bytes == object)
                    == (change == "same" || (change == "level" && codec != .zstd)
                        || (change == "codec" && codec == .zstd)))
            return bytes
        }
        let found = try await verify(house)
        let isSame = change == "same" || change == "level" || (change == "codec" && codec == .zstd)
        #expect(found.map(\.state) == [isSame ? .ok : .differs], "\(found)")
        #expect(found[0].isComparedWithStream && found[0].message.isEmpty == isSame)
    }

    @Test func aForgedPairOfObjectAndLedgerFailsAgainstTheStream() async throws {
        let bucket = TamperedBucket()
        let house = try await house(bucket)
        try await forge(house, bucket, 1) { _ in Array("forged\n".utf8) }
        let found = try await verify(house)
        #expect(found.map(\.state) == [.ok, .differs, .ok, .ok])
        #expect(found[1].isComparedWithStream && found[1].message.contains("stream"))
    }

    @Test(arguments: ["none", "gzip"])
    func manyDirectoriesOfOneDelivery(compression: String) async throws {
        let bucket = TamperedBucket()
        let house = try await TestHouse(dataType: .json, bucket: bucket)
        let directories = 60
        try await house.put(
            (0..<3 * directories).map { #"{"t":\#(1_700_000_000_000 + Int64($0 * 7 % directories) * 60_000)}"# })
        try await house.running {
            let descriptor = house.descriptor {
                $0.compressionFormat = compression
                $0.partitionFormat = "yyyy/MM/dd/HH/mm"
                $0.processingSchema = .init(timestampName: "t", timestampType: "Timestamp")
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance(by: .seconds(30)) {
                try await house.show().partitions[0].next == SequenceNumber(Int64(3 * directories))
            }
        }
        let keys = bucket.keys
        bucket.change(keys[11]) { $0?[0] ^= 1 }
        bucket.change(keys[44]) { $0 = nil }
        for limit in [1, 7, 60, 100] {
            let found = try await verify(house, limit: limit)
            #expect(found.count == directories && Set(found.map(\.delivery.object)).count == directories)
            let bad = found.filter { $0.state != .ok }.map(\.delivery.object).sorted()
            #expect(bad == [keys[11], keys[44]])
            #expect(found.filter(\.isComparedWithStream).count == directories - 2)
            #expect(found.allSatisfy { $0.runs != nil && $0.delivery.records == 3 })
        }
    }

    /// Records that do not convert, some of them replayed after the schema was widened: objects, replays and what is
    /// still parked hold each number once, and Parquet files are made again byte by byte.
    @Test(arguments: ["", "yyyy/MM/dd"])
    func columnsWithParkedAndReplayedRecords(directories: String) async throws {
        let world = try await ParkedHouse()
        let house = world.house
        try await house.put([
            ParkedHouse.wrong, ParkedHouse.good, ParkedHouse.junk, ParkedHouse.wrong, ParkedHouse.good,
        ])
        try await house.running {
            try await world.create {
                $0.partitionFormat = directories
                if !directories.isEmpty {
                    $0.processingSchema = .init(timestampName: "t", timestampType: "Timestamp")
                }
            }
            try await house.advance { try await world.isDelivered() }
            #expect(try await verify(house).map(\.delivery.records) == [2])
            try await house.setPartitions(1, dataType: .json, schema: ParkedHouse.wide, version: 2)
            #expect(try await world.replay() == 3)
            try await house.advance { try await world.parked().count == 1 }
        }
        let found = try await verify(house)
        #expect(found.allSatisfy { $0.state == .ok && $0.isComparedWithStream }, "\(found)")
        var numbers = try await world.parked().map(\.number.value)
        for verification in found {
            var position = verification.delivery.first.value
            for (index, count) in (verification.runs ?? [0, verification.delivery.records]).enumerated() {
                if index % 2 == 1 { numbers += position..<position + Int64(count) }
                position += Int64(count)
            }
        }
        #expect(numbers.sorted() == [0, 1, 2, 3, 4])
        #expect(try await house.show().parked == 1)
    }

    @Test func onePartitionAndLaterDeliveriesByPage() async throws {
        let bucket = TamperedBucket()
        let house = try await house(bucket, deliveries: 2)
        let first = try await house.tasks.verification(
            of: "to-lake", on: "meters", in: house.project, partition: PartitionNumber(0), limit: 1)
        #expect(first.verifications.count == 1 && first.next != nil)
        let rest = try await house.tasks.verification(
            of: "to-lake", on: "meters", in: house.project, partition: PartitionNumber(0), after: first.next, limit: 9)
        #expect(rest.verifications.map(\.delivery.first.value) == [5] && rest.next == nil)
        let other = try await house.tasks.verification(
            of: "to-lake", on: "meters", in: house.project, partition: PartitionNumber(1))
        #expect(other.verifications.isEmpty && other.next == nil)
    }
}

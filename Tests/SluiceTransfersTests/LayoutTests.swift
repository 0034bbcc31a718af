import Compression
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization
import Testing

/// Keeps whole objects as bytes.
final class ByteBucket: ObjectSink, ObjectSinkProvider {
    private let cell = Mutex<[String: [UInt8]]>([:])
    var objects: [String: [UInt8]] { cell.withLock { $0 } }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }
    func prepare() async throws(SinkError) {}

    func write(_ key: String, body: ObjectBody) async throws {
        var bytes: [UInt8] = []
        while let piece = try await body.next() { bytes += piece }
        cell.withLock { $0[key] = bytes }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        objects[key].map(body) != nil
    }
}

@Suite(.timeLimit(.minutes(2))) struct LayoutTests {
    @Test func gzipObjectsHoldTheSameText() async throws {
        let bucket = ByteBucket()
        let house = try await TestHouse(bucket: bucket) { $0.readSize = ByteCount(100) }
        for index in 0..<50 { try await house.put(["record \(index) and some more"]) }
        try await house.running {
            try await house.tasks.create(
                house.descriptor { $0.compressionFormat = "gzip" }, on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(50) }
        }
        let (key, bytes) = try #require(bucket.objects.first)
        #expect(key.hasSuffix("_50.txt.gz"))
        let plain = try unsafe bytes.withUnsafeBytes {
            try unsafe Compression.decompress($0, as: .gzip, announcedSize: nil, limit: 1 << 20)
        }
        #expect(String(decoding: plain, as: UTF8.self) == (0..<50).map { "record \($0) and some more\n" }.joined())
    }

    @Test func csvObjectsEndTheirLines() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(dataType: .csv, bucket: bucket)
        try await house.put(["a,1", "b,2"])
        try await house.running {
            let descriptor = house.descriptor {
                $0.destinationFileType = "csv"
                $0.recordDelimiter = ","
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance { !bucket.objects.isEmpty }
        }
        #expect(bucket.objects == ["meters_to-lake_shardId-0000000000_00000000000000000000_2.csv": "a,1\nb,2\n"])
    }

    @Test(arguments: [false, true])
    func finishedObjectsAreNotWrittenAgainWhenOthersFail(afterSuccess: Bool) async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(dataType: .json, bucket: bucket)
        let count = 40
        let failures = 5
        try await house.put((0..<count).map { #"{"t":"2026-01-02 03:\#(10 + $0):05"}"# })
        for _ in 0..<failures {
            bucket.failWrite(SinkError(.unavailable, "no answer"), afterSuccess: afterSuccess)
        }
        try await house.running {
            let descriptor = house.descriptor {
                $0.partitionFormat = "yyyy/MM/dd/HH/mm"
                $0.processingSchema = .init(
                    timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(Int64(count)) }
            let entries = try await house.tasks.deliveries(of: "to-lake", on: "meters", in: house.project).deliveries
            #expect(Set(entries.map(\.object)) == Set(bucket.objects.keys) && entries.count == count)
            // They count together, however long ago each was written.
            #expect(Set(entries.map(\.deliveredAt)).count == 1)
        }
        #expect(bucket.writes.count == count + failures)
    }

    @Test func whatRetentionHasLeftOfADeliveryIsDelivered() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(dataType: .json, bucket: bucket) {
            $0.retryPause = .seconds(3600)
            $0.retryPauseMax = .seconds(3600)
        }
        try await house.put((0..<20).map { #"{"t":"2026-01-0\#(1 + $0 % 4) 03:00:00","n":\#($0)}"# })
        // One of four objects fails.
        bucket.failWrite(SinkError(.unavailable, "no answer"))
        try await house.running {
            let descriptor = house.descriptor {
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(
                    timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance { try await house.show().summary.state == .abnormal }
            try await house.tasks.stop(["to-lake"], on: "meters", in: house.project)
            try await house.log.trim(house.partition(0), before: SequenceNumber(4))
            try await house.tasks.start(["to-lake"], on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(20) }
            let partition = try await house.show().partitions[0]
            #expect(partition.delivered == 19 && partition.discarded == 1)
        }
        let numbers = bucket.objects.values.flatMap { text in
            text.split(separator: "\n").compactMap { $0.split(separator: ":").last?.dropLast() }.compactMap { Int($0) }
        }
        #expect(numbers.sorted() == Array(1..<20))
    }

    @Test func recordsGoToTheDirectoriesOfTheirOwnTime() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(dataType: .json, bucket: bucket)
        let records = [
            #"{"t":"2026-01-02 03:04:05","n":0}"#, #"{"t":"2026-01-03 03:04:05","n":1}"#,
            #"{"t":"2026-01-02 09:00:00","n":2}"#, "not JSON", #"{"t":"2026-13-02 03:04:05","n":4}"#,
        ]
        try await house.put(records)
        try await house.running {
            let descriptor = house.descriptor {
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(
                    timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(5) }
            // 1,760,000,000 s lies in October 2025.
            let generated = DirectoryFormat.day.directory(at: Timestamp(milliseconds: 1_760_000_060_000))
            let stem = "meters_to-lake_shardId-0000000000_"
            #expect(
                bucket.objects == [
                    "2026/01/02/\(stem)00000000000000000000_2.txt": records[0] + "\n" + records[2] + "\n",
                    "2026/01/03/\(stem)00000000000000000001_1.txt": records[1] + "\n",
                    "\(generated)/\(stem)00000000000000000003_2.txt": records[3] + "\n" + records[4] + "\n",
                ])
            for (number, directory) in [(0, "2026/01/02"), (1, "2026/01/03"), (2, "2026/01/02"), (4, generated)] {
                var filter = DeliveryFilter()
                filter.partition = PartitionNumber(0)
                filter.sequenceNumber = SequenceNumber(Int64(number))
                let found = try await house.tasks.deliveries(
                    of: "to-lake", on: "meters", in: house.project, filter: filter)
                #expect(found.deliveries.count == 1)
                #expect(found.deliveries.first?.object.hasPrefix(directory) == true)
            }
        }
    }

    @Test func manyOpenDirectoriesNeedLittleMemory() async throws {
        let bucket = ByteBucket()
        let house = try await TestHouse(dataType: .json, bucket: bucket) { $0.memoryPerTask = .mebibytes(32) }
        let directories = 1500
        var records: [String] = []
        for index in 0..<(2 * directories) {
            let time = 1_700_000_000_000 + Int64(index * 7 % directories) * 60_000
            records.append(#"{"t":\#(time)}"#)
        }
        try await house.put(records)
        try await house.running {
            let descriptor = house.descriptor {
                $0.partitionFormat = "yyyy/MM/dd/HH/mm"
                $0.processingSchema = .init(timestampName: "t", timestampType: "Timestamp")
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            try await house.advance {
                try await house.show().partitions[0].next == SequenceNumber(Int64(2 * directories))
            }
        }
        #expect(bucket.objects.count == directories)
        #expect(bucket.objects.values.reduce(0) { $0 + $1.count } == records.reduce(0) { $0 + $1.utf8.count + 1 })
    }
}

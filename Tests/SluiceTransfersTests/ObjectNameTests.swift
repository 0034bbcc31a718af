import Foundation
import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceTransfers

/// Delivered objects stay, whoever delivers under the same names later.
@Suite(.timeLimit(.minutes(1))) struct ObjectNameTests {
    static let plain = "meters_to-lake_shardId-0000000000_00000000000000000000_1.txt"

    static func distinct(_ task: TransferTaskSummary) -> String {
        "meters_to-lake_shardId-0000000000_00000000000000000000_1_\(task.task.id.text.prefix(8)).txt"
    }

    @Test(arguments: [
        ("a/b/s_t_p_0_1.txt", "a/b/s_t_p_0_1_ABCDEFGH.txt"), ("s_t_p_0_1.txt.gz", "s_t_p_0_1_ABCDEFGH.txt.gz"),
        ("d.x/s_t_p_0_1.parquet", "d.x/s_t_p_0_1_ABCDEFGH.parquet"), ("s", "s_ABCDEFGH"),
    ])
    func theIdStandsBeforeTheExtension(key: String, expected: String) {
        #expect(ObjectName.distinguished(key, by: TransferTaskID("ABCDEFGHIJKLMNOPQRST")) == expected)
    }

    @Test func aStreamAndTaskMadeAnewLeaveWhatWasDelivered() async throws {
        let bucket = TestBucket()
        let first = try await TestHouse(bucket: bucket)
        try await first.put(["old"])
        try await first.running {
            try await first.tasks.create(first.descriptor(), on: "meters", in: first.project)
            try await first.advance { try await first.show().partitions[0].next == SequenceNumber(1) }
            // The stream is deleted, and its task with it.
            first.streams.set(nil, id: first.id)
            try await first.advance {
                try await first.catalog.list(prefix: "transfer/", after: nil, limit: 1).isEmpty
            }
        }
        // The same names again, over an empty log and the same catalog.
        let second = try await TestHouse(catalog: first.catalog, bucket: bucket)
        try await second.put(["new"])
        let task = try await second.running {
            let task = try await second.tasks.create(second.descriptor(), on: "meters", in: second.project)
            try await second.advance { try await second.show().partitions[0].next == SequenceNumber(1) }
            return task
        }
        #expect(bucket.objects == [Self.plain: "old\n", Self.distinct(task): "new\n"])
        let deliveries = try await second.tasks.deliveries(
            of: "to-lake", on: "meters", in: second.project, filter: DeliveryFilter(), after: nil, limit: 10)
        #expect(deliveries.deliveries.map(\.object) == [Self.distinct(task)])
    }

    @Test func aTaskMadeAnewOnTheSameStreamLeavesThem() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a"])
        try await house.running {
            var tasks: [TransferTaskSummary] = []
            for delimiter in ["\n", ";", ","] {
                tasks.append(
                    try await house.tasks.create(
                        house.descriptor { $0.recordDelimiter = delimiter }, on: "meters", in: house.project))
                try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
                try await house.tasks.delete("to-lake", on: "meters", in: house.project)
            }
            #expect(
                bucket.objects == [
                    Self.plain: "a\n", Self.distinct(tasks[1]): "a;", Self.distinct(tasks[2]): "a,",
                ])
        }
    }

    @Test func livingTasksOfEqualNamesAreToldApartBeforeTheyWrite() async throws {
        // Two projects, one catalog, one bucket that never says what it holds.
        let bucket = ForgetfulBucket()
        let catalog = MemoryCatalog()
        let house = try await TestHouse(catalog: catalog, bucket: bucket)
        let other = StreamID("S2")
        let stranger = try #require(ProjectID("p2"))
        try await house.log.createPartitions([PartitionID(stream: other, number: PartitionNumber(0))])
        house.streams.set(
            StreamDescription(
                id: other, name: try #require(StreamName("meters")), project: stranger, dataType: .blob,
                dataSchema: nil, partitions: [PartitionDescription(number: PartitionNumber(0))], version: 1), id: other)
        try await house.put(["mine"])
        var builder = RecordBatchBuilder()
        builder.append(data: Array("theirs".utf8), timestamp: house.time.now())
        let batch = try #require(builder.finish())
        let theirs = PartitionID(stream: other, number: PartitionNumber(0))
        for result in await house.log.append([PartitionAppend(partition: theirs, batch: batch)]) {
            _ = try result.get()
        }

        let younger = try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            house.time.advance(by: .seconds(1))
            let younger = try await house.tasks.create(house.descriptor(), on: "meters", in: stranger)
            try await house.advance {
                let mine = try await house.show()
                let theirs = try await house.tasks.show("to-lake", on: "meters", in: stranger)
                return mine.partitions[0].next == SequenceNumber(1) && theirs.partitions[0].next == SequenceNumber(1)
            }
            return younger
        }
        #expect(bucket.bucket.objects == [Self.plain: "mine\n", Self.distinct(younger): "theirs\n"])
        // A task to another bucket keeps its plain names, and deletion leaves no entry.
        try await house.tasks.delete("to-lake", on: "meters", in: house.project)
        try await house.tasks.delete("to-lake", on: "meters", in: stranger)
        #expect(try await catalog.list(prefix: "transfer/", after: nil, limit: 1).isEmpty)
    }

    @Test func whoMayNotLookTakesANameThatIsFree() async throws {
        let bucket = ForgetfulBucket(refusal: SinkError(.accessDenied, "no"))
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a"])
        let task = try await house.running {
            let task = try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(1) }
            return task
        }
        #expect(bucket.bucket.objects == [Self.distinct(task): "a\n"])
    }

    @Test func eachDirectoryIsLookedAtForItself() async throws {
        let bucket = TestBucket()
        let count = 20
        let house = try await TestHouse(dataType: .json, bucket: bucket)
        let minutes = (0..<count).map { minute in "00\(minute)".suffix(2) }
        let foreign = "2026/01/02/03/07/meters_to-lake_shardId-0000000000_00000000000000000007_1.txt"
        try await bucket.write(foreign, body: body("foreign"))
        try await house.put(minutes.map { #"{"t":"2026-01-02 03:\#($0):00"}"# })
        let task = try await house.running {
            let task = try await house.tasks.create(
                house.descriptor {
                    $0.partitionFormat = "yyyy/MM/dd/HH/mm"
                    $0.processingSchema = .init(
                        timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
                }, on: "meters", in: house.project)
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(Int64(count)) }
            return task
        }
        #expect(bucket.objects.count == count + 1 && bucket.objects[foreign] == "foreign")
        let marked = bucket.objects.keys.filter { $0.contains(task.task.id.text.prefix(8)) }
        #expect(marked.count == 1 && marked.first?.hasPrefix("2026/01/02/03/07/") == true)
    }

    func body(_ text: String) -> ObjectBody {
        let rest = Mutex<[UInt8]?>(Array(text.utf8))
        return ObjectBody { rest.withLock { $0.take() } }
    }
}

/// A bucket that says of no object that it is there, or refuses to say.
private final class ForgetfulBucket: ObjectSink, ObjectSinkProvider {
    let bucket = TestBucket()
    private let refusal: SinkError?

    init(refusal: SinkError? = nil) { self.refusal = refusal }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }
    func prepare() async throws(SinkError) {}
    func write(_ key: String, body: ObjectBody) async throws { try await bucket.write(key, body: body) }
    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        try await bucket.read(key, body)
    }

    func holds(_ key: String) async throws(SinkError) -> Bool {
        if let refusal { throw refusal }
        return false
    }
}

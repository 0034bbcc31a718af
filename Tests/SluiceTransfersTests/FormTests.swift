import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Testing

@testable import SluiceTransfers

/// Any delivered object can be made again from the log and the form that its entry names.
@Suite(.timeLimit(.minutes(1))) struct FormTests {
    func entries(_ house: TestHouse) async throws -> [DeliveryRecord] {
        let id = try await house.show().summary.task.id
        return try await house.tasks.services.store.all(
            under: TransferKeys.deliveries(id), as: DeliveryRecord.self
        ).map(\.record)
    }

    @Test func everyChangeIsAFormAndEveryObjectCanBeMadeAgain() async throws {
        let bucket = ByteBucket()
        let house = try await TestHouse(dataType: .json, bucket: bucket) {
            $0.readSize = ByteCount(50)
            $0.objectSizeMax = ByteCount(400)
        }
        let changes: [@Sendable (inout OBSDescriptor) -> Void] = [
            { _ in }, { $0.compressionFormat = "gzip" }, { $0.recordDelimiter = ";" },
            {
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(timestampName: "t", timestampType: "Timestamp")
            },
            { _ in },
        ]
        try await house.running {
            try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
            for (round, change) in changes.enumerated() {
                try await house.tasks.update(house.descriptor { change(&$0) }, on: "meters", in: house.project)
                try await house.put(
                    (0..<9).map { #"{"t":\#(1_760_000_000_000 + $0 % 3 * 86_400_000),"n":\#(round)}"# })
                try await house.advance {
                    try await house.show().partitions[0].next == SequenceNumber(Int64(9 * round + 9))
                }
            }
        }
        let records = try await entries(house)
        #expect(Set(records.map(\.form)) == [0, 1, 2, 3])
        let task = try await house.show().summary.task
        for record in records {
            let bytes = try #require(bucket.objects[record.object])
            #expect(bytes.count == record.bytes && CRC32C.checksum(bytes) == record.crc32c)
            let meter = try ContentMeter(
                ObjectFormat(await house.tasks.services.form(record.form, of: task.id).form))
            meter.add(bytes)
            #expect(try await house.tasks.services.content(of: record, of: task) == meter.facts())
        }
        try await house.tasks.delete("to-lake", on: "meters", in: house.project)
        #expect(try await house.catalog.list(prefix: CatalogKey("transfer/"), after: nil, limit: 10).isEmpty)
    }

    @Test func anIntentOfAnOlderVersionIsCarriedOut() async throws {
        let bucket = TestBucket()
        let house = try await TestHouse(bucket: bucket)
        try await house.put(["a", "b"])
        let task = try await house.tasks.create(house.descriptor(), on: "meters", in: house.project).task
        var old = task.descriptor
        old.recordDelimiter = ";"
        let intent = IntentRecord(
            epoch: 1, first: 0, last: 1, generatedAt: 0,
            objects: [.init(key: "k.txt", first: 0, last: 1, records: 2)], form: nil, descriptor: old)
        let number = PartitionNumber(0)
        try await house.catalog.commit([try TransferStore.put(TransferKeys.intent(task.id, number), intent)])
        try await house.running {
            try await house.advance { try await house.show().partitions[0].next == SequenceNumber(2) }
        }
        #expect(bucket.objects == ["k.txt": "a;b;"])
        #expect(try await entries(house).map(\.form) == [nil])
    }

    @Test(
        arguments: [
            ([], 0, [], nil), ([5], 5, [0, 1], nil), ([5, 6, 9], 5, [0, 2, 2, 1], nil),
            ([3, 4, 5], 3, [0, 3], Int64(5)), ([4, 5], 3, [1, 2], nil),
        ] as [([Int64], Int64, [Int], Int64?)])
    func runsAreWrittenAndRead(numbers: [Int64], first: Int64, expected: [Int], allTo: Int64?) {
        var tracker = RunTracker(first: SequenceNumber(first))
        for number in numbers { tracker.add(SequenceNumber(number)) }
        #expect(tracker.runs == expected && tracker.count == numbers.count)
        let runs = RecordRuns(tracker.runs, from: first)
        #expect((0...12).filter { runs.holds($0) } == numbers)
        if let allTo { #expect(tracker.runs(unlessAllTo: SequenceNumber(allTo)) == nil) }
        #expect(tracker.runs(unlessAllTo: SequenceNumber(11)) == expected)
    }

    /// Large records that do not convert leave memory as soon as a commit's worth of them has come together.
    @Test func failuresDoNotGatherInMemory() async throws {
        var form = DeliveryForm(descriptor: OBSDescriptor(), schema: ParkedHouse.narrow)
        form.descriptor.taskName = "t"
        form.descriptor.obsBucketPath = "b"
        form.descriptor.destinationFileType = "parquet"
        let size = FailedRecord.batchBytes / 4
        let portions = (0..<20).compactMap { number in
            var builder = RecordBatchBuilder()
            builder.append(data: [UInt8](repeating: 0x78, count: size), timestamp: Timestamp(milliseconds: 0))
            return builder.finish().map { RecordPortion(parts: [.numbered($0, [Int64(number)])]) }
        }
        let parked = Parked()
        let streamer = try ObjectStreamer(CollectedRecords(portions), as: ObjectFormat(form), first: .zero) {
            await parked.note($0.count)
        }
        #expect(try await !streamer.hasRecords())
        #expect(await parked.counts == [4, 4, 4, 4, 4])
    }
}

private actor Parked {
    private(set) var counts: [Int] = []
    func note(_ count: Int) { counts.append(count) }
}

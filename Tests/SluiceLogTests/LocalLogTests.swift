import SluiceCore
import SluiceLog
import SluicePorts
import SluiceTesting
import Testing

@Suite struct LocalLogTests {
    @Test(arguments: RecordLogConformance.cases)
    func conforms(to rule: RecordLogConformance.Rule) async throws {
        let folder = try TemporaryFolder()
        let log = try LocalLog.open(folder.path)
        try await rule.check(log)
        await log.shutDown()
    }

    @Test(arguments: RecordLogConformance.cases)
    func conformsWithoutThreads(to rule: RecordLogConformance.Rule) async throws {
        let folder = try TemporaryFolder()
        let log = try LocalLog.open(folder.path) {
            $0.threading = .inline
            $0.tailCacheSize = .zero
        }
        try await rule.check(log)
        await log.shutDown()
    }

    @Test func everythingIsThereAfterAReopen() async throws {
        let folder = try TemporaryFolder()
        let partitions = (0..<5).map { RecordLogConformance.partition($0) }
        var log = try LocalLog.open(folder.path)
        try await log.createPartitions(partitions)
        var expected: [PartitionID: [String]] = [:]
        for round in 0..<400 {
            let target = partitions[round % 4]
            let texts = (0...round % 3).map { "\(round).\($0)" + String(repeating: "x", count: round * 37 % 9_000) }
            let results = await log.append([
                PartitionAppend(partition: target, batch: RecordLogConformance.batch(texts))
            ])
            #expect(throws: Never.self) { try results[0].get() }
            expected[target, default: []] += texts
            if round % 150 == 149 {
                await log.shutDown()
                log = try LocalLog.open(folder.path) { $0.tailCacheSize = .zero }
            }
        }
        #expect(log.statistics.segments > 2)
        for partition in partitions {
            let texts = try await RecordLogConformance.texts(of: log, partition, from: .zero, limit: .kibibytes(64))
            #expect(texts == expected[partition] ?? [])
            #expect(try log.bounds(of: partition).next.value == expected[partition]?.count ?? 0)
        }
        await log.shutDown()
    }

    @Test func sizesAreCloseWhereOnlySummariesAreInMemory() async throws {
        let folder = try TemporaryFolder()
        let partitions = (0..<2).map { RecordLogConformance.partition($0) }
        var log = try LocalLog.open(folder.path)
        try await log.createPartitions(partitions)
        var sizes: [PartitionID: [Int]] = [:]
        for round in 0..<600 {
            let target = partitions[round % 2]
            let batch = RecordLogConformance.batch(Array(repeating: String(repeating: "x", count: 1_000), count: 5))
            _ = await log.append([PartitionAppend(partition: target, batch: batch)])
            sizes[target, default: []].append(batch.bytes.count)
        }
        await log.shutDown()
        log = try LocalLog.open(folder.path)
        #expect(log.statistics.segments > 2)
        for partition in partitions {
            let all = sizes[partition] ?? []
            for skipped in [0, 1, 77, 150, 299, 300] {
                let found = try log.size(of: partition, from: SequenceNumber(Int64(skipped * 5))).bytes
                let expected = all.dropFirst(skipped).reduce(0, +)
                #expect(abs(found - expected) <= expected / 20, "\(found) from batch \(skipped) on, not \(expected)")
            }
        }
        await log.shutDown()
    }

    @Test func numbersGoOnAfterEverythingExpired() async throws {
        let folder = try TemporaryFolder()
        let partition = RecordLogConformance.partition(0)
        let text = String(repeating: "x", count: 100_000)
        var log = try LocalLog.open(folder.path) { $0.threading = .inline }
        try await log.createPartitions([partition])
        for _ in 0..<30 {
            _ = await log.append([
                PartitionAppend(partition: partition, batch: RecordLogConformance.batch([text]))
            ])
        }
        try await log.trim(partition, before: SequenceNumber(30))
        #expect(log.statistics.segments <= 2)
        await log.shutDown()
        log = try LocalLog.open(folder.path) { $0.threading = .inline }
        #expect(try log.bounds(of: partition) == PartitionBounds(first: SequenceNumber(30), next: SequenceNumber(30)))
        let results = await log.append([
            PartitionAppend(partition: partition, batch: RecordLogConformance.batch([text]))
        ])
        #expect(try results[0].get().first.value == 30)
        await log.shutDown()
    }

    @Test func theSizeLimitDropsTheOldestRecords() async throws {
        let folder = try TemporaryFolder()
        let partition = RecordLogConformance.partition(0)
        let log = try LocalLog.open(folder.path) {
            $0.threading = .inline
            $0.bytesLimit = .mebibytes(6)
        }
        try await log.createPartitions([partition])
        let text = String(repeating: "x", count: 50_000)
        for _ in 0..<400 {
            _ = await log.append([
                PartitionAppend(partition: partition, batch: RecordLogConformance.batch([text]))
            ])
        }
        let bounds = try log.bounds(of: partition)
        #expect(bounds.next.value == 400)
        #expect(bounds.first.value > 200)
        #expect(log.statistics.diskBytes <= .mebibytes(8))
        let texts = try await RecordLogConformance.texts(of: log, partition, from: bounds.first)
        #expect(texts.count == bounds.next.distance(from: bounds.first))
        await log.shutDown()
    }

    /// A segment that could neither be begun nor removed may be there after a crash, and says where the one before ends.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func whatComesAfterASegmentBegunInVainIsKept(seed: UInt64) async throws {
        let disk = SimulatedDisk(seed: seed)
        let partition = RecordLogConformance.partition(0)
        func open() throws -> LocalLog {
            try LocalLog.open("/log", on: disk) {
                $0.threading = .inline
                $0.preparesSpare = false
            }
        }
        let log = try open()
        try await log.createPartitions([partition])
        var kept: [String] = []
        func append(_ text: String) async {
            let batch = RecordLogConformance.batch([text])
            let results = await log.append([PartitionAppend(partition: partition, batch: batch)])
            if case .success = results[0] { kept.append(text) }
        }
        await append("before")
        var faults = SimulatedDisk.Faults()
        faults.directorySyncError = 1
        disk.setFaults(faults)
        await append(String(repeating: "x", count: 300_000))
        #expect(kept == ["before"])
        await append("while the disk fails")
        disk.setFaults(SimulatedDisk.Faults())
        disk.restart()
        let again = try open()
        #expect(try await RecordLogConformance.texts(of: again, partition, from: .zero) == kept)
        await again.shutDown()
        await log.shutDown()
    }

    @Test func twoLogsDoNotShareAFolder() async throws {
        let folder = try TemporaryFolder()
        let log = try LocalLog.open(folder.path)
        #expect(throws: RecordLogError.self) { try LocalLog.open(folder.path) }
        await log.shutDown()
        let again = try LocalLog.open(folder.path)
        await again.shutDown()
    }

    @Test func aLogThatIsShutDownRefuses() async throws {
        let folder = try TemporaryFolder()
        let partition = RecordLogConformance.partition(0)
        let log = try LocalLog.open(folder.path)
        try await log.createPartitions([partition])
        let waiting = Task { try await log.waitForRecords(in: partition, above: .zero) }
        await log.shutDown()
        await #expect(throws: RecordLogError.self) { try await waiting.value }
        let results = await log.append([
            PartitionAppend(partition: partition, batch: RecordLogConformance.batch(["a"]))
        ])
        #expect(throws: RecordLogError.self) { try results[0].get() }
        await #expect(throws: RecordLogError.self) { try await log.trim(partition, before: .zero) }
    }
}

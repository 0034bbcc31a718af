import Foundation
import Observability
import SluiceCore
import SluiceLog
import SluicePorts
import SluiceTesting
import Testing

/// Changed, cut and torn files: either every acknowledged record comes back, or the log refuses loudly.
@Suite struct LogDamageTests {
    static let ids = (0..<3).map { RecordLogConformance.partition($0) }

    private func open(_ disk: SimulatedDisk) throws(RecordLogError) -> LocalLog {
        var configuration = LogConfiguration()
        configuration.segmentSize = .kibibytes(96)
        configuration.firstSegmentSize = .kibibytes(96)
        configuration.threading = .inline
        configuration.tailCacheSize = .zero
        return try LocalLog.open(
            directory: "/log", configuration: configuration, fileSystem: disk, time: ManualTime(), logger: .silent,
            metrics: MetricsRegistry())
    }

    /// A log of some segments, and where each of its calls ended in the newest one.
    private func makeLog(seed: UInt64, calls: Int, stops: Bool) async throws -> (SimulatedDisk, [LogModel], [Int]) {
        var random = SeededRandom(seed: seed)
        let disk = SimulatedDisk(seed: seed)
        let log = try open(disk)
        var model = LogModel()
        try await log.createPartitions(Self.ids)
        model.apply(.create(Self.ids))
        var models = [model]
        var ends = [try LogInspector(directory: "/log", fileSystem: disk).segments().last?.end ?? 0]
        for call in 0..<calls {
            let id = Self.ids[Int.random(in: 0..<3, using: &random)]
            let text = "\(call)" + String(repeating: "y", count: Int.random(in: 0..<900, using: &random))
            let results = await log.append([
                PartitionAppend(partition: id, batch: RecordLogConformance.batch([text, "\(call)+"], at: 5))
            ])
            _ = try results[0].get()
            model.apply(.append([(id, [.init(text: text, time: 5), .init(text: "\(call)+", time: 6)])]))
            models.append(model)
            ends.append(try LogInspector(directory: "/log", fileSystem: disk).segments().last?.end ?? 0)
        }
        if stops { await log.shutDown() }
        return (disk, models, ends)
    }

    @Test func aTornTailIsCutAtEveryByte() async throws {
        let (disk, models, ends) = try await makeLog(seed: 7, calls: 5, stops: false)
        let path = "/log/00000000000000000001.seg"
        let whole = try disk.contents(of: path)
        for cut in ends[2]...ends[5] {
            let torn = disk.copy(seed: UInt64(cut))
            torn.put(Array(whole[..<cut]) + [UInt8](repeating: 0, count: whole.count - cut), at: path)
            let log = try open(torn)
            let found = try await LogModel.reading(log, Self.ids, from: models[0])
            let kept = ends.lastIndex { $0 <= cut } ?? 0
            // The last bytes of a batch may be padding, so one call more may be whole already.
            let next = min(kept + 1, models.count - 1)
            #expect(found == models[kept] || ends[next] - cut < 8 && found == models[next], "cut at \(cut)")
            await log.shutDown()
        }
    }

    @Test func aCutFileIsRefused() async throws {
        let (disk, _, ends) = try await makeLog(seed: 8, calls: 5, stops: true)
        let path = "/log/00000000000000000001.seg"
        let whole = try disk.contents(of: path)
        for cut in stride(from: ends[0], to: whole.count, by: 97) {
            let short = disk.copy(seed: 1)
            short.put(Array(whole[..<cut]), at: path)
            #expect(throws: RecordLogError.self, "cut at \(cut)") { try open(short) }
        }
    }

    @Test(arguments: 0..<12) func flippedBitsAreFoundOrHarmless(seed: UInt64) async throws {
        let (disk, models, _) = try await makeLog(seed: seed, calls: 60, stops: true)
        let expected = try #require(models.last)
        var random = SeededRandom(seed: seed ^ 0xB17)
        let names = try disk.list("/log").filter { $0.hasSuffix(".seg") || $0.hasSuffix(".idx") }
        for _ in 0..<25 {
            let path = "/log/" + names[Int.random(in: 0..<names.count, using: &random)]
            let size = try disk.contents(of: path).count
            let offset = Int.random(in: 0..<size, using: &random)
            let damaged = disk.copy(seed: 1)
            try damaged.flipBit(of: path, at: offset, bit: Int.random(in: 0..<8, using: &random))
            do {
                let log = try open(damaged)
                let found = try await LogModel.reading(log, Self.ids, from: expected)
                #expect(found == expected, "seed \(seed): \(path) at \(offset)")
            } catch let error as RecordLogError {
                #expect(error.code == .damaged, "seed \(seed): \(path) at \(offset): \(error)")
                #expect(error.message.contains("/log/"), "seed \(seed): \(error)")
            }
        }
    }

    @Test func theInspectorCountsAndFindsDamage() async throws {
        let (disk, models, _) = try await makeLog(seed: 3, calls: 150, stops: true)
        let inspector = LogInspector(directory: "/log", fileSystem: disk)
        let sound = try inspector.verify()
        let records = try #require(models.last).partitions.values.reduce(0) { $0 + $1.records.count }
        #expect(sound.findings.isEmpty)
        #expect(sound.records == records)
        let segments = try inspector.segments()
        #expect(segments.count == sound.segments && segments.count > 1)
        let batches = try inspector.batches(of: segments[0].number)
        #expect(batches.count == segments[0].batches)
        #expect(batches[0].content == .control("table", partitions: 0))
        try disk.flipBit(of: segments[0].path, at: batches[3].offset + 100, bit: 1)
        let damaged = try inspector.verify()
        #expect(damaged.findings.contains { $0.path == segments[0].path && $0.offset == batches[3].offset })
    }

    @Test func aMissingIndexIsMadeAgain() async throws {
        let (disk, models, _) = try await makeLog(seed: 4, calls: 150, stops: true)
        for name in try disk.list("/log") where name.hasSuffix(".idx") { try disk.remove("/log/" + name) }
        let log = try open(disk)
        #expect(log.recovery.rebuiltIndexes > 0)
        let found = try await LogModel.reading(log, Self.ids, from: models[0])
        #expect(found == models.last)
        await log.shutDown()
    }

    @Test func aDeletedPartitionGivesItsSpaceBack() async throws {
        let disk = SimulatedDisk(seed: 6)
        var log = try open(disk)
        try await log.createPartitions(Self.ids)
        let large = RecordLogConformance.batch([String(repeating: "z", count: 12_000)])
        for call in 0..<40 {
            _ = await log.append([
                PartitionAppend(partition: Self.ids[0], batch: RecordLogConformance.batch(["kept \(call)"])),
                PartitionAppend(partition: Self.ids[1], batch: large),
            ])
        }
        let full = disk.usedSpace
        let expected = try await RecordLogConformance.texts(of: log, Self.ids[0], from: .zero)
        try await log.deletePartitions([Self.ids[1]])
        #expect(disk.usedSpace.bytes < full.bytes - 30 * 8_192)
        #expect(log.statistics.diskBytes < full)
        for _ in 0..<2 {
            #expect(try await RecordLogConformance.texts(of: log, Self.ids[0], from: .zero) == expected)
            let verified = try LogInspector(directory: "/log", fileSystem: disk).verify()
            #expect(verified.findings.isEmpty)
            await log.shutDown()
            log = try open(disk)
            #expect(log.recovery.rebuiltIndexes == 0)
        }
        await log.shutDown()
    }

    /// A batch too small for a hole stays behind while those after it are given back, and newer segments have no holes.
    @Test func whatADeletedPartitionLeavesBehindIsNoDamage() async throws {
        let disk = SimulatedDisk(seed: 9)
        let log = try open(disk)
        try await log.createPartitions(Self.ids)
        let texts = ["small"] + Array(repeating: String(repeating: "z", count: 12_000), count: 20)
        for text in texts {
            _ = await log.append([
                PartitionAppend(partition: Self.ids[0], batch: RecordLogConformance.batch(["kept"])),
                PartitionAppend(partition: Self.ids[1], batch: RecordLogConformance.batch([text])),
            ])
        }
        let inspector = LogInspector(directory: "/log", fileSystem: disk)
        #expect(try inspector.segments().count > 1)
        try await log.deletePartitions([Self.ids[1]])
        #expect(try inspector.segments().map(\.holes).reduce(0, +) > 0)
        #expect(try inspector.verify().findings == [])
        await log.shutDown()
    }

    /// Numbers that a living partition should have are missed, whatever was given back around them.
    @Test func aMissingSegmentIsFound() async throws {
        let (disk, _, _) = try await makeLog(seed: 10, calls: 400, stops: true)
        let inspector = LogInspector(directory: "/log", fileSystem: disk)
        let segments = try inspector.segments()
        try #require(segments.count > 2)
        try disk.remove(segments[1].path)
        #expect(try !inspector.verify().findings.isEmpty)
    }

    @Test func aFullDiskAnswersFullAndHeals() async throws {
        let disk = SimulatedDisk(seed: 5)
        let log = try open(disk)
        try await log.createPartitions(Self.ids)
        disk.setCapacity(disk.usedSpace)
        let batch = RecordLogConformance.batch([String(repeating: "z", count: 3_000)])
        var accepted = 0
        var refusal: RecordLogError?
        while refusal == nil {
            switch await log.append([PartitionAppend(partition: Self.ids[0], batch: batch)])[0] {
            case .success: accepted += 1
            case .failure(let error): refusal = error
            }
        }
        #expect(refusal?.code == .full)
        #expect(try log.bounds(of: Self.ids[0]).next.value == accepted)
        // What gives space back still works.
        try await log.trim(Self.ids[0], before: SequenceNumber(1))
        try await log.deletePartitions([Self.ids[1]])
        disk.setCapacity(.gibibytes(1))
        let healed = await log.append([PartitionAppend(partition: Self.ids[0], batch: batch)])
        #expect(try healed[0].get().first.value == accepted)
        await log.shutDown()
    }
}

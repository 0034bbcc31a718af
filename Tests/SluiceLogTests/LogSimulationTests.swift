import Foundation
import Observability
import SluiceCore
import SluiceLog
import SluicePorts
import SluiceTesting
import Testing

/// Random calls on a log over a disk that loses, tears and refuses, checked against `LogModel`: every acknowledged
/// record is found again, in order, once; of a call whose outcome is unknown a prefix may be there; nothing else ever.
///
/// A failing seed is printed; `SLUICE_SEEDS=first..last` (or a count) chooses others.
@Suite struct LogSimulationTests {
    static let seeds: [UInt64] = {
        let text = ProcessInfo.processInfo.environment["SLUICE_SEEDS"] ?? "40"
        let ends = text.split(separator: ".").compactMap { UInt64($0) }
        guard let first = ends.first else { return Array(0..<40) }
        return ends.count > 1 ? Array(first...ends[1]) : Array(0..<first)
    }()

    @Test(arguments: seeds) func survivesCrashes(seed: UInt64) async throws {
        var simulation = LogSimulation(seed: seed)
        try await simulation.run(steps: 250)
    }
}

struct LogSimulation {
    let seed: UInt64
    var random: SeededRandom
    let disk: SimulatedDisk
    let ids = (0..<6).map { RecordLogConformance.partition($0 % 3, of: "stream-\($0 / 3)") }
    var model = LogModel()
    /// A call whose outcome is not known yet.
    var pending: LogModel.Change?
    var written = 0

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        disk = SimulatedDisk(seed: seed ^ 0xD15C)
    }

    mutating func run(steps: Int) async throws {
        var log = try await reopen()
        for _ in 0..<steps {
            try await step(log)
            if disk.isOff || random.chance(0.02) {
                // The machine goes, or the process alone.
                disk.restart(losingUnsynced: random.chance(0.7))
                log = try await reopen()
            } else if random.chance(0.02) {
                await log.shutDown()
                if disk.isOff { disk.restart() }
                log = try await reopen()
            }
        }
        calm()
        await log.shutDown()
        disk.restart()
        _ = try await reopen()
    }

    /// Chooses how the disk behaves for a while.
    private mutating func stir() {
        var faults = SimulatedDisk.Faults()
        if random.chance(0.5) {
            faults.shortWrite = 0.1
            faults.writeError = 0.02
            faults.syncError = 0.02
            faults.directorySyncError = 0.02
        }
        disk.setFaults(faults)
        disk.setCapacity(random.chance(0.2) ? disk.usedSpace + .kibibytes(200) : .gibibytes(1))
        disk.cutPower(afterOperations: random.chance(0.5) ? Int.random(in: 0..<80, using: &random) : nil)
    }

    private func calm() {
        disk.setFaults(SimulatedDisk.Faults())
        disk.setCapacity(.gibibytes(1))
        disk.cutPower(afterOperations: nil)
    }

    /// Opens the log, through crashes while it recovers, and compares all of it with the model.
    private mutating func reopen() async throws -> LocalLog {
        var configuration = LogConfiguration()
        configuration.segmentSize = .kibibytes(192)
        configuration.firstSegmentSize = .kibibytes(128)
        configuration.threading = .inline
        configuration.preparesSpare = random.chance(0.5)
        configuration.sparesLimit = Int.random(in: 0...2, using: &random)
        configuration.tailCacheSize = random.chance(0.5) ? .zero : .kibibytes(64)
        configuration.indexCacheSize = .kibibytes(1)
        let salts = SeededRandom(seed: random.next())
        let source = SeededSource(salts)
        configuration.random = { source.next() }
        stir()
        for attempt in 0... {
            if attempt > 3 { calm() }
            do throws(RecordLogError) {
                let log = try LocalLog.open(
                    directory: "/log", configuration: configuration, fileSystem: disk, time: ManualTime(),
                    logger: .silent, metrics: MetricsRegistry())
                if !disk.isOff, try await matches(log) { return log }
            } catch {
                try #require(error.code != .damaged, "seed \(seed): \(error)")
                try #require(attempt < 10, "seed \(seed): \(error)")
            }
            disk.restart()
        }
        throw RecordLogError(.unavailable, "seed \(seed): never opened")
    }

    /// False when the power went while reading.
    private mutating func matches(_ log: LocalLog) async throws(RecordLogError) -> Bool {
        let found: LogModel
        do {
            found = try await LogModel.reading(log, ids, from: model)
        } catch let error as RecordLogError {
            if disk.isOff { return false }
            throw error
        } catch {
            throw RecordLogError(.damaged, "\(error)")
        }
        let candidates = model.states(within: pending)
        guard let state = candidates.first(where: { $0.visible == found }) else {
            throw RecordLogError(
                .damaged, "found \(Self.outline(found)), expected one of \(candidates.map(Self.outline))")
        }
        model = state
        pending = nil
        return true
    }

    private static func outline(_ model: LogModel) -> String {
        model.partitions.sorted { $0.key < $1.key }
            .map { "\($0.key): \($0.value.first)..<\($0.value.records.count)" }.joined(separator: ", ")
    }

    // MARK: - Steps

    private mutating func step(_ log: LocalLog) async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<6: stir()
        case 6..<12:
            let some = ids.filter { _ in random.chance(0.4) }
            try await perform(.create(some), log) { try await log.createPartitions(some) }
        case 12..<15:
            let some = ids.filter { _ in random.chance(0.2) }
            try await perform(.delete(some), log) { try await log.deletePartitions(some) }
        case 15..<22:
            guard let id = model.partitions.keys.sorted().randomElement(using: &random),
                let partition = model.partitions[id]
            else { return }
            let first = Int.random(in: 0...partition.records.count, using: &random)
            try await perform(.trim(id, first), log) {
                try await log.trim(id, before: SequenceNumber(Int64(first)))
            }
        case 22..<40: try await readSomewhere(log)
        case 40..<45: try await findTime(log)
        default: try await append(log)
        }
    }

    /// Makes a call and notes what may have become of it.
    private mutating func perform(
        _ change: LogModel.Change, _ log: LocalLog, _ call: () async throws -> Void
    ) async throws {
        do {
            try await call()
            model.apply(change)
            pending = nil
        } catch let error as RecordLogError {
            try note(error, change)
        }
    }

    private mutating func note(_ error: RecordLogError, _ change: LogModel.Change) throws {
        try #require([.unavailable, .full, .outcomeUnknown].contains(error.code), "seed \(seed): \(error)")
        if error.code == .outcomeUnknown {
            try #require(pending == nil, "seed \(seed): two calls of unknown outcome")
            pending = change
        }
    }

    private mutating func append(_ log: LocalLog) async throws {
        var batches: [(PartitionID, [LogModel.Record])] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard let id = model.partitions.keys.sorted().randomElement(using: &random) else { return }
            let records = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                written += 1
                let length = random.chance(0.1) ? 20_000 : Int.random(in: 0..<600, using: &random)
                return LogModel.Record(
                    text: "\(written)" + String(repeating: "x", count: length),
                    time: Int64.random(in: 0..<1_000, using: &random))
            }
            batches.append((id, records))
        }
        let results = await log.append(
            batches.map { id, records in
                var builder = RecordBatchBuilder()
                for record in records {
                    builder.append(
                        data: Array(record.text.utf8), timestamp: Timestamp(milliseconds: record.time))
                }
                return PartitionAppend(partition: id, batch: builder.finish()!)
            })
        // One call is one round here: all of it goes through or none.
        var numbers = model.partitions.mapValues { Int64($0.records.count) }
        for (result, (id, records)) in zip(results, batches) {
            switch result {
            case .success(let outcome):
                #expect(outcome.first.value == numbers[id], "seed \(seed)")
                numbers[id, default: 0] += Int64(records.count)
            case .failure(let error):
                return try note(error, .append(batches))
            }
        }
        model.apply(.append(batches))
        pending = nil
    }

    private mutating func readSomewhere(_ log: LocalLog) async throws {
        guard let id = model.partitions.keys.sorted().randomElement(using: &random),
            let partition = model.partitions[id]
        else { return }
        let start = Int.random(in: partition.first...partition.records.count, using: &random)
        do {
            let batches = try await log.read(id, from: SequenceNumber(Int64(start)), limit: ByteCount(2_000))
            var found: [String] = []
            for stored in batches {
                try stored.batch.forEachRecord { index, record in
                    if stored.first.advanced(by: index).value >= start {
                        found.append(String(decoding: record.data, as: UTF8.self))
                    }
                    return true
                }
            }
            #expect(found == partition.records[start...].prefix(found.count).map(\.text), "seed \(seed)")
            #expect(found.isEmpty == (start == partition.records.count), "seed \(seed)")
        } catch let error as RecordLogError {
            try #require(disk.isOff, "seed \(seed): \(error)")
        }
    }

    private mutating func findTime(_ log: LocalLog) async throws {
        guard let id = model.partitions.keys.sorted().randomElement(using: &random),
            let partition = model.partitions[id]
        else { return }
        let time = Int64.random(in: 0..<1_000, using: &random)
        let expected =
            partition.records.indices.first { $0 >= partition.first && partition.records[$0].time >= time }
            ?? partition.records.count
        do throws(RecordLogError) {
            let number = try await log.sequenceNumber(in: id, atOrAfter: Timestamp(milliseconds: time))
            #expect(Int(number.value) == expected, "seed \(seed)")
        } catch {
            try #require(disk.isOff, "seed \(seed): \(error)")
        }
    }
}

/// A seeded generator that a closure can draw from.
final class SeededSource: @unchecked Sendable {
    // One simulation draws at a time, but the compiler cannot see it.
    private let lock = NSLock()
    private var random: SeededRandom

    init(_ random: SeededRandom) { self.random = random }

    func next() -> UInt64 { lock.withLock { random.next() } }
}

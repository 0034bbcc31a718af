import DeliverySimulation
import Dispatch
import Foundation
import Testing

/// Ingest and delivery in one process with a virtual clock, disk, network, catalog and store; every run follows from its
/// seed. Long runs and single seeds: scripts/simulate.
///
/// `SLUICE_SIMULATION_SEEDS=2000` makes the random runs of this test longer; `SLUICE_SIMULATION_SEED=n` repeats one.
@Suite struct DeliverySimulationTests {
    @Test func randomRuns() async throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["SLUICE_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 200
        let seeds = environment["SLUICE_SIMULATION_SEED"].flatMap { UInt64($0) }.map { $0..<($0 + 1) } ?? 0..<count
        var refusals = 0
        for seed in seeds {
            let report = try await SimulationThread.run { DeliverySimulation.run(seed: seed) }
            if report.refusal != nil { refusals += 1 }
            if let failure = report.failure {
                Issue.record("seed \(seed): \(failure)")
                return
            }
        }
        // Else refusing would be a way around every rule.
        #expect(refusals * 50 <= seeds.count)
    }

    @Test func theSameSeedIsTheSameRun() async throws {
        var objects = 0
        for seed in 1..<12 as Range<UInt64> {
            let first = try await SimulationThread.run { DeliverySimulation.run(seed: seed) }
            let second = try await SimulationThread.run { DeliverySimulation.run(seed: seed) }
            objects += first.objects
            #expect(first.digest == second.digest, "seed \(seed)")
            #expect(first.steps == second.steps)
        }
        #expect(objects > 0)
    }

    /// The catalog in files, whose process is killed with its files open, goes through the same histories as the one in
    /// memory.
    @Test func theRealCatalogDoesTheSame() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/simulation-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for seed in 0..<16 as Range<UInt64> {
            let own = "\(folder)/\(seed)"
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            let inMemory = try await SimulationThread.run { DeliverySimulation.run(seed: seed) }
            let inFiles = try await SimulationThread.run { DeliverySimulation.run(seed: seed, catalogFolder: own) }
            #expect(inFiles.failure == nil, "seed \(seed)")
            #expect(inFiles.digest == inMemory.digest, "seed \(seed)")
            #expect(FileManager.default.fileExists(atPath: own + "/2.db"), "nothing was killed")
        }
    }

    /// A short history in a world without faults but for one death.
    static func shortRun(_ death: SimulationPlan.Death) async throws -> SimulationReport {
        try await SimulationThread.run {
            let world = try SimulatedWorld(seed: 7, hostility: .none)
            return try DeliverySimulation(world: world, plan: SimulationPlan(deaths: [death])).run(order: nil)
        }
    }

    @Test(arguments: [false, true])
    func deathAfterEveryStepOfAShortHistory(losesPower: Bool) async throws {
        let whole = try await Self.shortRun(.init(.time))
        #expect(whole.failure == nil)
        #expect(whole.steps > 20)
        for step in 0..<whole.steps {
            let report = try await Self.shortRun(.init(.steps(step), losesPower: losesPower))
            #expect(report.failure == nil && report.refusal == nil, "death after step \(step)")
        }
    }

    @Test(arguments: [false, true])
    func deathInEveryDiskOperationOfAShortHistory(losesPower: Bool) async throws {
        let whole = try await Self.shortRun(.init(.time))
        #expect(whole.diskOperations > 10)
        for operation in 0..<whole.diskOperations {
            let report = try await Self.shortRun(.init(.diskOperations(operation), losesPower: losesPower))
            #expect(report.failure == nil && report.refusal == nil, "death in disk operation \(operation)")
        }
    }

    @Test(arguments: PlantedBug.allCases)
    func catchesThePlantedBug(bug: PlantedBug) async throws {
        let seedsMax: UInt64 = 1500
        for seed in 0..<seedsMax {
            let report = try await SimulationThread.run { DeliverySimulation.run(seed: seed, bug: bug) }
            if report.failure != nil { return }
        }
        Issue.record("no seed below \(seedsMax) shows the bug")
    }
}

/// Runs simulations one after the other on a thread of their own. Each keeps its thread busy from begin to end, and the
/// few threads that all tests share are for tests that wait.
enum SimulationThread {
    private static let queue = DispatchQueue(label: "simulation")

    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }
}

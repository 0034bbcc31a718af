import Foundation
import SluiceCore
import Testing

/// Ingest and delivery in one process with a virtual clock, catalog and store; every run follows from its seed.
///
/// `SLUICE_SIMULATION_SEEDS=20000` makes the random runs longer; `SLUICE_SIMULATION_SEED=n` repeats one.
@Suite struct DeliverySimulationTests {
    /// One random run.
    static func simulate(seed: UInt64, bug: PlantedBug? = nil) -> String? {
        let world = SimulatedWorld(seed: seed, settings: .init(bug: bug))
        var deaths: [Int?] = []
        for _ in 0..<(1 + world.numbers.below(5)) {
            deaths.append(world.numbers.chance(80) ? world.numbers.below(120) : nil)
        }
        var simulation = DeliverySimulation(world: world, deaths: deaths)
        simulation.partitions = 1 + world.numbers.below(3)
        simulation.batches = 1 + world.numbers.below(10)
        simulation.usesRecordTime = world.numbers.chance(30)
        simulation.leavesOldProcesses = world.numbers.chance(40)
        let run = simulation
        do {
            return try SimulationExecutor(numbers: world.numbers).simulate(world.time) { await run.run() }.failure
        } catch {
            return "\(error)"
        }
    }

    @Test func randomRuns() {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["SLUICE_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 300
        let seeds = environment["SLUICE_SIMULATION_SEED"].flatMap { UInt64($0) }.map { $0..<($0 + 1) } ?? 0..<count
        for seed in seeds {
            if let failure = Self.simulate(seed: seed) {
                Issue.record("seed \(seed): \(failure)")
                return
            }
        }
    }

    @Test func theSameSeedIsTheSameRun() {
        func trace(_ seed: UInt64) -> ([String: [UInt8]], Duration) {
            let world = SimulatedWorld(seed: seed, settings: .init())
            let simulation = DeliverySimulation(world: world, deaths: [40, nil])
            _ = try? SimulationExecutor(numbers: world.numbers).simulate(world.time) { await simulation.run() }
            return (world.objects, world.time.elapsed())
        }
        for seed in 1..<5 as Range<UInt64> {
            let (objects, time) = trace(seed)
            #expect(!objects.isEmpty)
            #expect(trace(seed) == (objects, time))
        }
    }

    @Test func deathAfterEveryStepOfAShortHistory() throws {
        func run(dyingAfter step: Int?) throws -> (failure: String?, steps: Int) {
            let world = SimulatedWorld(seed: 7, settings: .init(hostility: .none))
            let simulation = DeliverySimulation(world: world, deaths: [step])
            return try SimulationExecutor(numbers: nil).simulate(world.time) { await simulation.run() }
        }
        let (failure, steps) = try run(dyingAfter: nil)
        #expect(failure == nil)
        #expect(steps > 20)
        for step in 0..<steps {
            let failure = try run(dyingAfter: step).failure
            #expect(failure == nil, "death after step \(step)")
        }
    }

    @Test(arguments: PlantedBug.allCases)
    func catchesThePlantedBug(bug: PlantedBug) {
        let seedsMax: UInt64 = 400
        let caught = (0..<seedsMax).first { Self.simulate(seed: $0, bug: bug) != nil }
        #expect(caught != nil)
    }
}

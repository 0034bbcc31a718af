import Synchronization

/// Numbers from a seed: the same seed, the same run (SplitMix64).
struct SeededNumbers {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// Shared numbers of one run; everything runs on one thread, so the order of draws follows from the seed.
final class SharedNumbers: Sendable {
    private let numbers: Mutex<SeededNumbers>

    init(seed: UInt64) { numbers = Mutex(SeededNumbers(seed: seed)) }

    func next() -> UInt64 { numbers.withLock { $0.next() } }
    func below(_ bound: Int) -> Int { numbers.withLock { $0.below(bound) } }
    func chance(_ percent: Int) -> Bool { numbers.withLock { $0.chance(percent) } }
}

/// Runs all jobs of a simulation on the calling thread, the next one drawn by the seed.
final class SimulationExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let numbers: SharedNumbers?

    /// - Parameter numbers: draws the next job; nil takes the oldest.
    init(numbers: SharedNumbers?) {
        self.numbers = numbers
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs one job; false when there is none.
    private func runOne() -> Bool {
        let count = jobs.withLock(\.count)
        guard count > 0 else { return false }
        let index = numbers?.below(count) ?? 0
        let job = jobs.withLock { $0.remove(at: index) }
        job.runSynchronously(on: asUnownedTaskExecutor())
        return true
    }

    /// Runs `body` and all it starts; whenever nothing can run, the clock jumps to the next sleeper.
    func simulate<Value: Sendable>(
        _ time: SimulationTime, stepsMax: Int = 2_000_000, _ body: @escaping @Sendable () async -> Value
    ) throws -> Value {
        let result = Mutex<Value?>(nil)
        let box = ResultBox(result: result)
        // Ends with this function: the loop below runs it to its end.
        Task(executorPreference: self) { box.set(await body()) }
        for _ in 0..<stepsMax {
            if let value = box.value { return value }
            if !runOne(), !time.advanceToNext() { throw SimulationFailure("nothing can run and nobody sleeps") }
        }
        throw SimulationFailure("the run does not come to an end")
    }
}

private final class ResultBox<Value: Sendable>: Sendable {
    private let cell: Mutex<Value?>
    init(result: consuming Mutex<Value?>) { cell = result }
    var value: Value? { cell.withLock { $0 } }
    func set(_ value: Value) { cell.withLock { $0 = value } }
}

struct SimulationFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

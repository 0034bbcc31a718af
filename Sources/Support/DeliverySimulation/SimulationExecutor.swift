internal import Synchronization

/// Runs all jobs of a simulation on the calling thread, the next one drawn by the seed.
package final class SimulationExecutor: TaskExecutor {
    private struct Queue {
        var jobs: [UnownedJob] = []
        /// Where the oldest job stands when they run in the order of coming.
        var head = 0
    }

    private let queue = Mutex(Queue())
    private let numbers: SharedNumbers?

    /// - Parameter numbers: draws the next job; nil takes the oldest.
    package init(numbers: SharedNumbers?) {
        self.numbers = numbers
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.jobs.append(job) }
    }

    private func takeJob() -> UnownedJob? {
        queue.withLock { queue in
            guard let numbers else {
                guard queue.head < queue.jobs.count else {
                    queue = Queue()
                    return nil
                }
                defer { queue.head += 1 }
                return queue.jobs[queue.head]
            }
            guard !queue.jobs.isEmpty else { return nil }
            if queue.jobs.count > 1 { queue.jobs.swapAt(numbers.below(queue.jobs.count), queue.jobs.count - 1) }
            return queue.jobs.removeLast()
        }
    }

    /// Runs `body` and all it starts; whenever nothing can run, the clock jumps to the next sleeper.
    package func simulate<Value: Sendable>(
        _ time: SimulationTime, jobsMax: Int = 4_000_000, _ body: @escaping @Sendable () async -> Value
    ) throws -> Value {
        let box = ResultBox<Value>()
        // Ends with this function: the loop below runs it to its end.
        Task(executorPreference: self) { box.set(await body()) }
        for _ in 0..<jobsMax {
            if let job = takeJob() {
                unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            } else {
                if let value = box.value { return value }
                if !time.advanceToNext() { throw SimulationFailure("nothing can run and nobody sleeps") }
            }
        }
        throw SimulationFailure("the run does not come to an end")
    }
}

private final class ResultBox<Value: Sendable>: Sendable {
    private let cell = Mutex<Value?>(nil)
    var value: Value? { cell.withLock { $0 } }
    func set(_ value: Value) { cell.withLock { $0 = value } }
}

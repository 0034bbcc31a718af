internal import Synchronization

/// A few threads for reads that may wait for the disk.
///
/// A cold read takes milliseconds; on the cooperative pool, which has one thread a core, two of them would stop the
/// whole server. Reads served from memory never come here. Each job is a suspended caller, so the callers' number
/// bounds the queue.
final class BlockingPool: Sendable {
    private final class Jobs: Sendable {
        private struct State {
            var jobs: [@Sendable () -> Void] = []
            var head = 0
            var isStopped = false
        }

        private let state = Mutex(State())

        /// False when the pool is stopped.
        func add(_ job: @escaping @Sendable () -> Void) -> Bool {
            state.withLock { state in
                if !state.isStopped { state.jobs.append(job) }
                return !state.isStopped
            }
        }

        /// Runs the oldest job; false when there is none.
        @discardableResult
        func runOne() -> Bool {
            let job: (@Sendable () -> Void)? = state.withLock { state in
                guard state.head < state.jobs.count else { return nil }
                let job = state.jobs[state.head]
                state.head += 1
                if state.head == state.jobs.count {
                    state.jobs = []
                    state.head = 0
                }
                return job
            }
            job?()
            return job != nil
        }

        func stop() { state.withLock { $0.isStopped = true } }
    }

    private let jobs: Jobs
    private let threads: WorkerThreads?

    /// - Parameter threadCount: 0 runs every job at once on the caller, for deterministic tests.
    init(threadCount: Int) {
        let jobs = Jobs()
        self.jobs = jobs
        threads = threadCount == 0 ? nil : WorkerThreads(count: threadCount) { jobs.runOne() }
    }

    func start() -> Bool { threads?.start() ?? true }

    /// Finishes what was given and ends the threads; later work runs on its caller.
    func stop() {
        jobs.stop()
        threads?.stop()
        // Jobs whose signals came too late for the threads.
        while jobs.runOne() {}
    }

    /// Runs a blocking piece of work on one of the threads; not cancelled once begun.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        guard let threads else { return work() }
        return await withCheckedContinuation { continuation in
            if jobs.add({ continuation.resume(returning: work()) }) {
                threads.signal()
            } else {
                continuation.resume(returning: work())
            }
        }
    }
}

/// An executor with one thread of its own, on which an actor may block: in reads and writes, in a database's calls.
///
/// Jobs are bounded by the actor's callers, each of whom waits for its own. The thread ends when the last reference to
/// this object goes.
package final class BlockingThread: SerialExecutor {
    /// A job keeps its executor alive.
    private struct Job: Sendable {
        let job: UnownedJob
        let executor: BlockingThread
    }

    private let threads: WorkerThreads<Job>

    /// - Parameter name: of the thread, for the system's tools; its first 15 bytes.
    package init(named name: String) throws(ThreadError) {
        threads = WorkerThreads(named: name) { job in
            withExtendedLifetime(job.executor) {
                unsafe job.job.runSynchronously(on: job.executor.asUnownedSerialExecutor())
            }
        }
        try threads.start()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let isAdded = threads.add(Job(job: UnownedJob(job), executor: self))
        precondition(isAdded, "the thread runs as long as its executor")
    }
}

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// An executor with one thread of its own, on which an actor may block: in reads and writes, in a database's calls.
///
/// Jobs are bounded by the actor's callers, each of whom waits for its own.
// @unchecked Sendable: the jobs are behind `mutex`; `mutex` and `condition` are made for use by several threads and
// live as long as this object.
@safe package final class BlockingThread: SerialExecutor, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [UnownedJob] = []
    private var isStopped = false

    /// Starts the thread. It ends when `stop` is called; until then it keeps this object alive.
    package init() throws(BlockingThreadError) {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let code = unsafe pthread_create(&thread, nil, blockingThreadMain, context)
        guard code == 0 else {
            unsafe Unmanaged<BlockingThread>.fromOpaque(context).release()
            throw BlockingThreadError(code: code)
        }
        pthread_detach(thread)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        unsafe pthread_mutex_lock(mutex)
        jobs.append(job)
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Ends the thread once its jobs are done. Nothing may be enqueued afterwards.
    package func stop() {
        unsafe pthread_mutex_lock(mutex)
        isStopped = true
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    fileprivate func run() {
        while let batch = nextJobs() {
            for job in batch { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }

    private func nextJobs() -> [UnownedJob]? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while jobs.isEmpty {
            if isStopped { return nil }
            unsafe pthread_cond_wait(condition, mutex)
        }
        let batch = jobs
        jobs = []
        return batch
    }
}

/// The system gave no thread.
package struct BlockingThreadError: Error, Sendable, CustomStringConvertible {
    /// The system's error number.
    package let code: Int32

    package var description: String { "no thread can be started (error \(code))" }
}

private func blockingThreadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    unsafe Unmanaged<BlockingThread>.fromOpaque(context).takeRetainedValue().run()
    return nil
}

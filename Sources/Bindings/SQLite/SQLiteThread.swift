#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread that runs the jobs of its actors one after the other, so that SQLite's blocking calls never hold a thread
/// of the cooperative pool.
///
/// The thread keeps this object alive until `stop()`; its owner calls that when no job can come any more.
// @unchecked: `jobs` and `stopped` are touched only while `lock` is held; lock and condition are never moved.
package final class SQLiteThread: SerialExecutor, @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Bounded by its actors' callers, each of whom waits for its own job.
    private var jobs: [UnownedJob] = []
    private var stopped = false

    package init() throws(SQLiteError) {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(condition, nil)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(&thread, nil, runSQLiteThread, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw SQLiteError(code: 7, message: "cannot start a thread (error \(code))")
        }
        pthread_detach(thread)
    }

    deinit {
        pthread_mutex_destroy(lock)
        pthread_cond_destroy(condition)
        lock.deallocate()
        condition.deallocate()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(lock)
        jobs.append(job)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(lock)
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    /// Lets the thread end once it has run what it was given.
    package func stop() {
        pthread_mutex_lock(lock)
        stopped = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(lock)
    }

    fileprivate func runJobs() {
        while let batch = takeJobs() {
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }

    private func takeJobs() -> [UnownedJob]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while jobs.isEmpty {
            if stopped { return nil }
            pthread_cond_wait(condition, lock)
        }
        defer { jobs.removeAll(keepingCapacity: true) }
        return jobs
    }
}

private func runSQLiteThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<SQLiteThread>.fromOpaque(context).takeRetainedValue().runJobs()
    return nil
}

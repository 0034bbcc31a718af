internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A few threads for calls that block on the disk, so that the threads which run everything else never do.
///
/// Jobs wait in one queue; there are as many as tasks that write, which the memory for record data bounds.
final class BlockingThreads: TaskExecutor {
    private let queue = JobQueue()

    init(count: Int) {
        for _ in 0..<max(1, count) {
            let context = unsafe Unmanaged.passRetained(Worker(queue: queue, executor: asUnownedTaskExecutor()))
            var thread = pthread_t()
            let code = unsafe pthread_create(&thread, nil, runWorker, context.toOpaque())
            if code == 0 { pthread_detach(thread) } else { unsafe context.release() }
        }
    }

    deinit {
        queue.close()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        queue.append(UnownedJob(job))
    }
}

@safe private final class Worker: Sendable {
    let queue: JobQueue
    let executor: UnownedTaskExecutor

    init(queue: JobQueue, executor: UnownedTaskExecutor) {
        self.queue = queue
        unsafe self.executor = executor
    }
}

private func runWorker(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let worker = unsafe Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
    while let job = worker.queue.next() { unsafe job.runSynchronously(on: worker.executor) }
    return nil
}

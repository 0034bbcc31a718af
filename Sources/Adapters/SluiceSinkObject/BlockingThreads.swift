internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A few threads for calls that block on the disk, so that the threads which run everything else never do.
///
/// Calls wait in one queue; there are as many as tasks that write, which the memory for record data bounds, and those
/// whose callers have gone away from a file system that hangs.
final class BlockingThreads: Sendable {
    private let queue = JobQueue()

    init(count: Int) {
        for _ in 0..<max(1, count) {
            let context = unsafe Unmanaged.passRetained(queue)
            var thread = pthread_t()
            let code = unsafe pthread_create(&thread, nil, runJobs, context.toOpaque())
            if code == 0 { pthread_detach(thread) } else { unsafe context.release() }
        }
    }

    deinit {
        queue.close()
    }

    /// Runs `body` on one of the threads and gives its result; nil when the calling task is cancelled before. The call
    /// goes on alone then, however long the file system keeps it.
    /// - Parameter body: may ask whether anybody still waits for it.
    func run<Value: Sendable>(_ body: @escaping @Sendable (_ isWanted: () -> Bool) -> Value) async -> Value? {
        let call = BlockingCall<Value>()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                call.wait(continuation)
                queue.append { call.finish(body { call.isWanted }) }
            }
        } onCancel: {
            call.abandon()
        }
    }
}

/// Who waits for a call: the result or the cancellation, whichever comes first.
private final class BlockingCall<Value: Sendable>: Sendable {
    private struct State {
        var waiter: CheckedContinuation<Value?, Never>?
        var isAbandoned = false
    }

    private let state = Mutex(State())

    var isWanted: Bool { state.withLock { !$0.isAbandoned } }

    func wait(_ waiter: CheckedContinuation<Value?, Never>) {
        let isAbandoned = state.withLock { state in
            if !state.isAbandoned { state.waiter = waiter }
            return state.isAbandoned
        }
        if isAbandoned { waiter.resume(returning: nil) }
    }

    func finish(_ value: Value) {
        state.withLock { $0.waiter.take() }?.resume(returning: value)
    }

    func abandon() {
        let waiter = state.withLock { state in
            state.isAbandoned = true
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }
}

private func runJobs(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let queue = unsafe Unmanaged<JobQueue>.fromOpaque(context).takeRetainedValue()
    while let job = queue.next() { job() }
    return nil
}

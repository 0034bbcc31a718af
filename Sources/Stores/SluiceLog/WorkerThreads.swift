internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Threads of their own that do a piece of work each time they are told that there is some.
///
/// Disk work lives here because a blocked thread of the cooperative pool would stall every task of the server.
// Sendable although unchecked: `state` is guarded by `mutex`, the rest never changes after `init`.
@safe final class WorkerThreads: @unchecked Sendable {
    private struct State {
        var pending = 0
        var isStopping = false
        var running = 0
    }

    private let count: Int
    private let work: @Sendable () -> Void
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state = State()

    /// - Parameters:
    ///   - count: threads.
    ///   - work: called on one of the threads, once a signal; with one thread, signals that come meanwhile lead to
    ///     one more call.
    init(count: Int = 1, work: @escaping @Sendable () -> Void) {
        self.count = count
        self.work = work
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe condition.deallocate()
    }

    /// Starts the threads; false when the system does not give all of them, and none runs then.
    func start() -> Bool {
        for _ in 0..<count where !startOne() {
            stop()
            return false
        }
        return true
    }

    private func startOne() -> Bool {
        unsafe pthread_mutex_lock(mutex)
        state.running += 1
        unsafe pthread_mutex_unlock(mutex)
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let result = unsafe pthread_create(&thread, &attributes, runWorkerThread, context)
        unsafe pthread_attr_destroy(&attributes)
        if result == 0 { return true }
        unsafe Unmanaged<WorkerThreads>.fromOpaque(context).release()
        unsafe pthread_mutex_lock(mutex)
        state.running -= 1
        unsafe pthread_mutex_unlock(mutex)
        return false
    }

    func signal() {
        unsafe pthread_mutex_lock(mutex)
        state.pending = count == 1 ? 1 : state.pending + 1
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Lets the threads finish what they were told, then end, without waiting for that.
    func release() {
        unsafe pthread_mutex_lock(mutex)
        state.isStopping = true
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Lets the threads finish what they were told, then end, and waits for that.
    func stop() {
        unsafe pthread_mutex_lock(mutex)
        state.isStopping = true
        unsafe pthread_cond_broadcast(condition)
        while state.running > 0 { unsafe pthread_cond_wait(condition, mutex) }
        unsafe pthread_mutex_unlock(mutex)
    }

    fileprivate func run() {
        unsafe pthread_mutex_lock(mutex)
        while true {
            while state.pending == 0 && !state.isStopping { unsafe pthread_cond_wait(condition, mutex) }
            if state.pending == 0 { break }
            state.pending -= 1
            unsafe pthread_mutex_unlock(mutex)
            work()
            unsafe pthread_mutex_lock(mutex)
        }
        state.running -= 1
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }
}

private func runWorkerThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    unsafe Unmanaged<WorkerThreads>.fromOpaque(context).takeRetainedValue().run()
    return nil
}

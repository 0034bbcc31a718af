internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A few threads for work that blocks, on the disk or in a long computation: the cooperative pool has one thread a core,
/// and two blocked ones would stop the whole server.
///
/// Work waits in one bounded queue, first come first served. A thread is started when there is work that no idle one
/// can take, up to `count`; so a quiet server has none. They end when this object goes, after the work they were given.
package final class WorkerThreads<Work: Sendable>: Sendable {
    private let crew: Crew<Work>

    /// - Parameters:
    ///   - name: of the threads, for the system's tools; its first 15 bytes.
    ///   - count: threads at most, 1 or more.
    ///   - waitingMax: pieces of work that may wait while all threads are busy. Without a bound of its own, the queue
    ///     must be bounded by callers who wait for their work.
    ///   - handle: does one piece of work, on one of the threads.
    package init(
        named name: String, count: Int = 1, waitingMax: Int = .max / 2, _ handle: @escaping @Sendable (Work) -> Void
    ) {
        crew = Crew(name, max(1, count), waitingMax, handle)
    }

    deinit {
        crew.close()
    }

    /// Starts all threads now, for those who want to know at once that the system gives them.
    package func start() throws(ThreadError) {
        try crew.start()
    }

    /// Gives a piece of work to the threads; false when too much waits, or after `close`: then it is not done.
    package func add(_ work: Work) -> Bool {
        crew.add(work, unlessWaiting: false)
    }

    /// Takes no more work. What was given is still done, and the threads end.
    package func close() {
        crew.close()
    }

    /// `close`, and waits until the threads have ended. Blocks; never from one of them.
    package func stop() {
        crew.close()
        crew.waitForEnd()
    }
}

extension WorkerThreads where Work == Void {
    /// Has the work done once more, after this call; what was asked for and has not begun is done once for all.
    package func signal() {
        _ = crew.add((), unlessWaiting: true)
    }
}

extension WorkerThreads where Work == @Sendable () -> Void {
    /// Threads for pieces of work of any kind.
    package convenience init(named name: String, count: Int = 1, waitingMax: Int = .max / 2) {
        self.init(named: name, count: count, waitingMax: waitingMax) { $0() }
    }

    /// What `body` returns, run on one of the threads; nil, and `body` is not called, when too much waits or after
    /// `close`. Not cancelled once it waits.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
            if !add({ continuation.resume(returning: body()) }) { continuation.resume(returning: nil) }
        }
    }

    /// What `body` returns, run on one of the threads; nil when the calling task is cancelled before. The call goes on
    /// alone then, however long it takes. Where `run` would refuse, the caller's thread does it.
    ///
    /// - Parameter body: may ask whether anybody still waits for it.
    package func runUntilCancelled<Value: Sendable>(
        _ body: @escaping @Sendable (_ isWanted: () -> Bool) -> Value
    ) async -> Value? {
        let call = AbandonableCall<Value>()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                call.wait(continuation)
                let perform = { @Sendable in call.finish(body { call.isWanted }) }
                if !add(perform) { perform() }
            }
        } onCancel: {
            call.abandon()
        }
    }
}

/// Who waits for a call: the result or the cancellation, whichever comes first.
private final class AbandonableCall<Value: Sendable>: Sendable {
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

/// What the threads of one `WorkerThreads` share; they keep it alive.
// @unchecked Sendable: all that changes is touched between lock and unlock of `mutex` alone.
@safe private final class Crew<Work: Sendable>: @unchecked Sendable {
    private let name: String
    private let count: Int
    private let waitingMax: Int
    private let handle: @Sendable (Work) -> Void
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var queue = WorkQueue<Work>()
    private var running = 0
    private var busy = 0
    private var isClosed = false

    init(_ name: String, _ count: Int, _ waitingMax: Int, _ handle: @escaping @Sendable (Work) -> Void) {
        self.name = name
        self.count = count
        self.waitingMax = waitingMax
        self.handle = handle
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    private func lock() { unsafe pthread_mutex_lock(mutex) }
    private func unlock() { unsafe pthread_mutex_unlock(mutex) }
    private func wait() { unsafe pthread_cond_wait(condition, mutex) }
    /// One condition serves waiting threads and `waitForEnd`, which comes when nothing else can.
    private func wakeOne() { unsafe pthread_cond_signal(condition) }
    private func wakeAll() { unsafe pthread_cond_broadcast(condition) }

    func start() throws(ThreadError) {
        lock()
        defer { unlock() }
        while running < count { try startOne() }
    }

    /// Under the lock.
    private func startOne() throws(ThreadError) {
        try OwnThread.start(named: name) { [self] in run() }
        running += 1
    }

    func add(_ work: Work, unlessWaiting: Bool) -> Bool {
        lock()
        defer { unlock() }
        if isClosed || queue.count + busy >= count + waitingMax { return false }
        if unlessWaiting, queue.count > 0 { return true }
        if queue.count + busy >= running, running < count {
            do throws(ThreadError) {
                try startOne()
            } catch {
                // With fewer threads it takes longer; with none at all it would never be done.
                if running == 0 { return false }
            }
        }
        queue.append(work)
        wakeOne()
        return true
    }

    func close() {
        lock()
        isClosed = true
        wakeAll()
        unlock()
    }

    func waitForEnd() {
        lock()
        while running > 0 { wait() }
        unlock()
    }

    private func run() {
        lock()
        while true {
            if let work = queue.popFirst() {
                busy += 1
                unlock()
                handle(work)
                lock()
                busy -= 1
            } else if isClosed {
                break
            } else {
                wait()
            }
        }
        running -= 1
        wakeAll()
        unlock()
    }
}

/// First in, first out, without moving what waits at each step.
private struct WorkQueue<Work> {
    private var items: [Work?] = []
    private var head = 0

    var count: Int { items.count - head }

    mutating func append(_ work: Work) {
        items.append(work)
    }

    mutating func popFirst() -> Work? {
        guard head < items.count else { return nil }
        let first = items[head].take()
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: head <= 1024)
            head = 0
        } else if head > 1024, head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
        return first
    }
}

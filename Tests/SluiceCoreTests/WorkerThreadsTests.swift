import Foundation
import SluiceCore
import Synchronization
import Testing

/// Lets threads through one by one.
private final class Gate: Sendable {
    private let arrivals = DispatchSemaphore(value: 0)
    private let leave = DispatchSemaphore(value: 0)

    func pass() {
        arrivals.signal()
        leave.wait()
    }

    func waitForArrivals(_ count: Int) throws {
        for _ in 0..<count { try #require(arrivals.wait(timeout: .now() + .seconds(20)) == .success) }
    }

    /// Whether nobody has come whom `waitForArrivals` has not counted.
    var isDeserted: Bool { arrivals.wait(timeout: .now()) == .timedOut }

    func open(_ count: Int) {
        for _ in 0..<count { leave.signal() }
    }
}

private func threadName() -> String {
    let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    return name?.trimmingCharacters(in: .newlines) ?? ""
}

@Suite struct WorkerThreadsTests {
    @Test func oneThreadWorksInOrder() throws {
        let done = Mutex<[Int]>([])
        let threads = WorkerThreads<Int>(named: "ordered") { number in done.withLock { $0.append(number) } }
        for number in 0..<10_000 { #expect(threads.add(number)) }
        threads.stop()
        #expect(done.withLock { $0 } == Array(0..<10_000))
    }

    @Test(arguments: [1, 2, 4]) func asManyAtOnceAsThereAreThreads(count: Int) throws {
        let gate = Gate()
        let threads = WorkerThreads<Int>(named: "gated", count: count) { _ in gate.pass() }
        for number in 0..<count + 3 { #expect(threads.add(number)) }
        try gate.waitForArrivals(count)
        #expect(gate.isDeserted)
        gate.open(count + 3)
        threads.stop()
        try gate.waitForArrivals(3)
        #expect(gate.isDeserted)
    }

    @Test func threadsBearTheirName() async {
        #expect(await WorkerThreads(named: "a-name-far-too-long").run { threadName() } == "a-name-far-too-")
    }

    @Test func aFullQueueRefuses() throws {
        let gate = Gate()
        let threads = WorkerThreads<Int>(named: "bounded", count: 2, waitingMax: 3) { _ in gate.pass() }
        for number in 0..<5 { #expect(threads.add(number)) }
        #expect(!threads.add(5))
        try gate.waitForArrivals(2)
        #expect(!threads.add(6))
        gate.open(1)
        // One has ended and the next has begun: there is room for one.
        try gate.waitForArrivals(1)
        #expect(threads.add(7) && !threads.add(8))
        gate.open(5)
        threads.stop()
    }

    @Test func signalsThatNobodyHasTakenAreOne() throws {
        let gate = Gate()
        let threads = WorkerThreads<Void>(named: "signalled") { gate.pass() }
        threads.signal()
        try gate.waitForArrivals(1)
        // What comes while the thread works leads to one more call, however much it is.
        for _ in 0..<100 { threads.signal() }
        gate.open(2)
        threads.stop()
        try gate.waitForArrivals(1)
        #expect(gate.isDeserted)
    }

    @Test func whatWasGivenIsDoneBeforeTheEnd() async throws {
        let gate = Gate()
        let done = Mutex(0)
        let threads = WorkerThreads<Int>(named: "ending") { _ in
            gate.pass()
            done.withLock { $0 += 1 }
        }
        for number in 0..<20 { #expect(threads.add(number)) }
        threads.close()
        #expect(!threads.add(20))
        #expect(done.withLock { $0 } == 0)
        gate.open(20)
        threads.stop()
        #expect(done.withLock { $0 } == 20)
    }

    @Test func threadsEndWithTheirOwner() throws {
        let gate = Gate()
        final class Witness: Sendable {
            let gate: Gate
            init(_ gate: Gate) { self.gate = gate }
            deinit { gate.pass() }
        }
        gate.open(1)
        do {
            let witness = Witness(gate)
            let threads = WorkerThreads<Int>(named: "owned") { _ in _ = witness }
            #expect(threads.add(1))
        }
        // The handler goes with the last thread.
        try gate.waitForArrivals(1)
    }

    @Test func runAnswersOrSaysThatItDoesNot() async {
        let threads = WorkerThreads(named: "asked", count: 2)
        await withTaskGroup(of: Int?.self) { group in
            for number in 0..<100 { group.addTask { await threads.run { number * 2 } } }
            var sum = 0
            for await result in group { sum += result ?? -1_000_000 }
            #expect(sum == 9900)
        }
        threads.close()
        #expect(await threads.run { 1 } == nil)
        #expect(await threads.runUntilCancelled { isWanted in isWanted() } == true)
    }

    @Test func whoIsCancelledWaitsNoLonger() async throws {
        let gate = Gate()
        let outcome = Mutex<Bool?>(nil)
        let threads = WorkerThreads(named: "hanging")
        let caller = Task {
            await threads.runUntilCancelled { isWanted in
                gate.pass()
                outcome.withLock { $0 = isWanted() }
                return 1
            }
        }
        try gate.waitForArrivals(1)
        caller.cancel()
        #expect(await caller.value == nil)
        gate.open(1)
        threads.stop()
        #expect(outcome.withLock { $0 } == false)
    }

    @Test func whatACancelledTaskAsksForIsDoneAllTheSame() async {
        let count = Mutex(0)
        let threads = WorkerThreads(named: "late")
        let caller = Task { () -> Int? in
            withUnsafeCurrentTask { $0?.cancel() }
            return await threads.runUntilCancelled { _ in
                count.withLock { $0 += 1 }
                return 1
            }
        }
        #expect(await caller.value == nil)
        threads.stop()
        #expect(count.withLock { $0 } == 1)
    }
}

@Suite struct BlockingThreadTests {
    private actor Counter {
        private let thread: BlockingThread
        private var names: Set<String> = []
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        init() throws { thread = try BlockingThread(named: "counter") }

        func count() -> Int {
            names.insert(threadName())
            return names == ["counter"] ? 1 : 1000
        }
    }

    @Test func anActorRunsOnItsThread() async throws {
        let counter = try Counter()
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { await counter.count() } }
            #expect(await group.reduce(0, +) == 100)
        }
    }
}

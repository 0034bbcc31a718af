import Lifecycle
import Observability
import SluiceCore
import SluiceTesting
import Testing

/// What happened, in order, and a way to wait for it.
private actor Journal {
    private(set) var entries: [String] = []
    private var waiters: [(entry: String, continuation: CheckedContinuation<Void, Never>)] = []

    func note(_ entry: String) {
        entries.append(entry)
        for waiter in waiters where waiter.entry == entry { waiter.continuation.resume() }
        waiters.removeAll { $0.entry == entry }
    }

    func wait(for entry: String) async {
        if entries.contains(entry) { return }
        await withCheckedContinuation { waiters.append((entry, $0)) }
    }
}

/// A service that says what happens to it and ends as it is told.
private struct MockService: Service {
    enum Behaviour {
        case endsGracefully
        /// Takes no notice of graceful shutdown.
        case waitsForCancellation
        case endsByItself
        case fails
        /// Ends gracefully, but with an error.
        case failsAtTheEnd
    }

    struct Failure: Error, Equatable {
        let name: String
    }

    let name: String
    let behaviour: Behaviour
    let journal: Journal

    func run() async throws {
        await journal.note("\(name) started")
        do {
            switch behaviour {
            case .endsGracefully: try await waitForGracefulShutdown()
            case .waitsForCancellation: try await ManualTime().sleep(for: .seconds(1))
            case .endsByItself: break
            case .fails: throw Failure(name: name)
            case .failsAtTheEnd:
                try await waitForGracefulShutdown()
                throw Failure(name: name)
            }
        } catch {
            await journal.note("\(name) \(error is CancellationError ? "cancelled" : "failed")")
            throw error
        }
        await journal.note("\(name) ended")
    }
}

@Suite struct ServiceGroupTests {
    private let journal = Journal()
    private let time = ManualTime()

    private func group(
        _ services: [(String, MockService.Behaviour)], signals: AsyncStream<UnixSignal>? = nil
    ) -> ServiceGroup {
        let members = services.map { name, behaviour in
            ServiceGroup.Member(name, MockService(name: name, behaviour: behaviour, journal: journal))
        }
        return ServiceGroup(members, signals: signals, shutdownDeadline: .seconds(30), time: time, logger: .silent)
    }

    private func waitForStart(of names: String...) async {
        for name in names { await journal.wait(for: "\(name) started") }
    }

    @Test(arguments: UnixSignal.allCases)
    func aSignalEndsServicesInReverse(signal: UnixSignal) async throws {
        let (signals, continuation) = AsyncStream.makeStream(of: UnixSignal.self)
        let group = group(
            [("log", .endsGracefully), ("tasks", .endsGracefully), ("http", .endsGracefully)], signals: signals)
        let running = Task { try await group.run() }
        await waitForStart(of: "log", "tasks", "http")
        continuation.yield(signal)
        try await running.value
        #expect(await journal.entries.suffix(3) == ["http ended", "tasks ended", "log ended"])
    }

    @Test func aRequestEndsThemToo() async throws {
        let group = group([("a", .endsGracefully), ("b", .endsGracefully)])
        let running = Task { try await group.run() }
        await waitForStart(of: "a", "b")
        group.requestGracefulShutdown()
        group.requestGracefulShutdown()
        try await running.value
        #expect(await journal.entries.suffix(2) == ["b ended", "a ended"])
    }

    @Test func aRequestBeforeTheStartIsNotLost() async throws {
        let group = group([("a", .endsGracefully)])
        group.requestGracefulShutdown()
        try await group.run()
        #expect(await journal.entries == ["a started", "a ended"])
    }

    @Test func withoutServicesItReturns() async throws {
        try await group([]).run()
    }

    @Test func aServiceThatFailsEndsTheOthersGracefully() async throws {
        let group = group([("a", .endsGracefully), ("b", .fails), ("c", .endsGracefully)])
        await #expect(throws: MockService.Failure(name: "b")) { try await group.run() }
        let entries = await journal.entries
        #expect(entries.contains("a ended") && entries.contains("c ended"))
        #expect(entries.firstIndex(of: "c ended") ?? 9 < entries.firstIndex(of: "a ended") ?? 0)
    }

    @Test func aServiceThatEndsByItselfIsAnError() async throws {
        let group = group([("a", .endsGracefully), ("b", .endsByItself)])
        let error = await #expect(throws: LifecycleError.self) { try await group.run() }
        #expect(error?.code == .serviceEnded && error?.message.contains("b") == true)
        #expect(await journal.entries.contains("a ended"))
    }

    @Test func anErrorAtTheEndIsReported() async throws {
        let group = group([("a", .endsGracefully), ("b", .failsAtTheEnd)])
        let running = Task { try await group.run() }
        await waitForStart(of: "a", "b")
        group.requestGracefulShutdown()
        await #expect(throws: MockService.Failure(name: "b")) { try await running.value }
        #expect(await journal.entries.contains("a ended"))
    }

    @Test func aSecondSignalCancels() async throws {
        let (signals, continuation) = AsyncStream.makeStream(of: UnixSignal.self)
        let group = group([("a", .endsGracefully), ("b", .waitsForCancellation)], signals: signals)
        let running = Task { try await group.run() }
        await waitForStart(of: "a", "b")
        continuation.yield(.terminate)
        continuation.yield(.terminate)
        let error = await #expect(throws: LifecycleError.self) { try await running.value }
        #expect(error?.code == .cancelled)
        #expect(await journal.entries.contains("b cancelled"))
    }

    @Test func theDeadlineCancels() async throws {
        let group = group([("a", .endsGracefully), ("b", .waitsForCancellation)])
        let running = Task { try await group.run() }
        await waitForStart(of: "a", "b")
        group.requestGracefulShutdown()
        while time.sleeperCount == 0 { await Task.yield() }
        time.advance(by: .seconds(30))
        let error = await #expect(throws: LifecycleError.self) { try await running.value }
        #expect(error?.code == .cancelled)
        #expect(await journal.entries.contains("b cancelled"))
    }

    @Test func cancellingTheTaskCancelsServices() async throws {
        let group = group([("a", .endsGracefully), ("b", .waitsForCancellation)])
        let task = Task { try await group.run() }
        await waitForStart(of: "a", "b")
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let entries = await journal.entries
        #expect(entries.contains("a cancelled") && entries.contains("b cancelled"))
    }
}

@Suite struct GracefulShutdownTests {
    private func inGroup(_ shutdown: GracefulShutdown, _ body: () async throws -> Void) async rethrows {
        try await GracefulShutdown.$current.withValue(shutdown, operation: body)
    }

    @Test func handlersRunOnceAndOnlyWhileTheirOperationDoes() async {
        let shutdown = GracefulShutdown()
        let journal = Journal()
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        await inGroup(shutdown) {
            await withGracefulShutdownHandler {
            } onGracefulShutdown: {
                continuation.yield("over before")
            }
            await withGracefulShutdownHandler {
                shutdown.request()
                shutdown.request()
            } onGracefulShutdown: {
                continuation.yield("during")
            }
            await withGracefulShutdownHandler {
            } onGracefulShutdown: {
                continuation.yield("after")
            }
        }
        continuation.finish()
        for await entry in stream { await journal.note(entry) }
        #expect(await journal.entries == ["during", "after"])
    }

    @Test func cancelWhenAskedEndsTheOperation() async {
        let shutdown = GracefulShutdown()
        let time = ManualTime()
        await inGroup(shutdown) {
            let running = Task { try await cancelWhenGracefulShutdown { try await time.sleep(for: .seconds(1)) } }
            while time.sleeperCount == 0 { await Task.yield() }
            shutdown.request()
            await #expect(throws: CancellationError.self) { try await running.value }
        }
    }

    @Test func cancelWhenAskedGivesTheResultBack() async throws {
        try await inGroup(GracefulShutdown()) {
            let result = try await cancelWhenGracefulShutdown { 7 }
            #expect(result == 7)
        }
    }
}

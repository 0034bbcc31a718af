internal import Observability
internal import SluiceCore
internal import SluiceLog
internal import Synchronization

/// One run: clients put records, people make, change, stop and delete tasks and streams, tasks deliver, processes die and
/// everything around them misbehaves; then the world calms down, the last process finishes, and all must be as
/// `DeliveryVerdict` demands.
package struct DeliverySimulation: Sendable {
    let plan: SimulationPlan
    let world: SimulatedWorld
    let outcome = Outcome()

    package init(world: SimulatedWorld, plan: SimulationPlan) {
        self.world = world
        self.plan = plan
    }

    /// One random run.
    ///
    /// - Parameters:
    ///   - catalogFolder: an empty folder in which the catalog keeps its files, as the server does; nil keeps it in
    ///     memory.
    ///   - trace: gets a line for whatever happens.
    package static func run(
        seed: UInt64, bug: PlantedBug? = nil, catalogFolder: String? = nil, trace: (@Sendable (String) -> Void)? = nil
    ) -> SimulationReport {
        do {
            let world = try SimulatedWorld(seed: seed, bug: bug, catalogFolder: catalogFolder, trace: trace)
            let simulation = DeliverySimulation(world: world, plan: SimulationPlan(drawnFrom: world.numbers))
            return try simulation.run(order: world.numbers)
        } catch {
            return SimulationReport(failure: "\(error)")
        }
    }

    /// - Parameter order: draws which job runs next; nil takes the oldest.
    package func run(order: SharedNumbers?) throws -> SimulationReport {
        world.logger.info("the plan", ["plan": "\(plan)"])
        return try SimulationExecutor(numbers: order).simulate(world.time) { await run() }
    }

    final class Outcome: Sendable {
        let report = Mutex(SimulationReport())
        /// Fired when nothing more can come of the run.
        let isOver = Signal()

        func fail(_ reason: String) {
            report.withLock { if $0.failure == nil { $0.failure = reason } }
            isOver.fire()
        }

        func refuse(_ reason: String) {
            report.withLock { $0.refusal = reason }
            isOver.fire()
        }
    }

    private func run() async -> SimulationReport {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await live()
                } catch {
                    if !Task.isCancelled { outcome.fail("the run failed: \(error)") }
                }
            }
            group.addTask { await outcome.isOver.wait() }
            await group.next()
            group.cancelAll()
        }
        var report = outcome.report.withLock { $0 }
        let objects = world.objects
        report.acknowledged = world.acknowledged.count
        report.objects = objects.count
        report.deletedTasks = world.history.deleted.count
        var text = "\(world.time.elapsed())"
        for (name, bytes) in objects.sorted(by: { $0.key < $1.key }) { text += "\(name) \(CRC32C.checksum(bytes)) " }
        report.digest = CRC32C.checksum(Array(text.utf8))
        return report
    }

    /// The whole history.
    private func live() async throws {
        world.isStoreHonest = plan.trims
        world.hasLateWrites = !plan.recreatesTasks && !plan.recreatesStreams
        let shared = plan.sharesLog ? try SimulatedProcess.openLog(world) : nil
        let last = try await withThrowingTaskGroup(of: Void.self) { group in
            let written = Signal()
            group.addTask {
                defer { written.fire() }
                do { try await write() } catch { if !Task.isCancelled { outcome.fail("\(error)") } }
            }
            let calm = Signal()
            group.addTask {
                while !calm.isFired {
                    try await world.time.sleep(for: .milliseconds(500 + world.numbers.below(4000)))
                    guard !calm.isFired else { return }
                    if !plan.sharesLog { world.stirDisk() }
                    if plan.breaksStore { world.stirStore() }
                }
            }
            let former = try await liveAndDie(in: &group, shared)
            // The last process meets a world that has calmed down, and must finish what there is.
            calm.fire()
            world.calm()
            world.logger.info("the last process begins")
            let last = Life(plan.deaths.count, dyingAfter: nil)
            group.addTask { await inhabit(last, shared, isLast: true) }
            if shared != nil { try await world.time.sleep(for: .seconds(5)) }
            former?.kill()
            await written.wait()
            try await finish(last)
            last.kill()
            try await group.waitForAll()
            return last
        }
        guard !last.isAlive, !Task.isCancelled else { return }
        try await judge()
    }

    private func write() async throws {
        for stream in 0..<plan.streams { try await client(0).makeStream(stream, partitions: plan.partitions) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<max(plan.clients, plan.streams) {
                group.addTask { try await client(number).write(to: number % plan.streams, batches: plan.batches) }
            }
            try await group.waitForAll()
        }
    }

    func client(_ number: Int) -> SimulatedClient {
        SimulatedClient(world: world, number: number, content: plan.content)
    }
}

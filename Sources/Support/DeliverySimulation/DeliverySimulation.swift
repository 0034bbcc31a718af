internal import Observability
internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import SluiceStreams
internal import SluiceTesting
internal import SluiceTransfers
internal import Synchronization

/// One run: clients put records, tasks deliver them, processes die and everything around them misbehaves; then the world
/// calms down, the last process finishes, and all must be as `DeliveryVerdict` demands.
package struct DeliverySimulation: Sendable {
    let plan: SimulationPlan
    let world: SimulatedWorld
    private let outcome = Outcome()

    package init(world: SimulatedWorld, plan: SimulationPlan) {
        self.world = world
        self.plan = plan
    }

    /// One random run.
    ///
    /// - Parameter trace: gets a line for whatever happens.
    package static func run(
        seed: UInt64, bug: PlantedBug? = nil, trace: (@Sendable (String) -> Void)? = nil
    ) -> SimulationReport {
        do {
            let world = try SimulatedWorld(seed: seed, bug: bug, trace: trace)
            let simulation = DeliverySimulation(world: world, plan: SimulationPlan(drawnFrom: world.numbers))
            return try simulation.run(order: world.numbers)
        } catch {
            return SimulationReport(failure: "\(error)")
        }
    }

    /// - Parameter order: draws which job runs next; nil takes the oldest.
    package func run(order: SharedNumbers?) throws -> SimulationReport {
        try SimulationExecutor(numbers: order).simulate(world.time) { await run() }
    }

    private final class Outcome: Sendable {
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
        var text = "\(world.time.elapsed())"
        for (key, bytes) in objects.sorted(by: { $0.key < $1.key }) { text += "\(key) \(CRC32C.checksum(bytes)) " }
        report.digest = CRC32C.checksum(Array(text.utf8))
        return report
    }

    // MARK: The history

    private func live() async throws {
        world.isStoreHonest = plan.trims
        let shared = plan.sharesLog ? try SimulatedProcess.openLog(world) : nil
        let last = try await withThrowingTaskGroup(of: Void.self) { group in
            let written = Signal()
            group.addTask {
                defer { written.fire() }
                do { try await write() } catch { if !Task.isCancelled { outcome.fail("\(error)") } }
            }
            let calm = Signal()
            if !plan.sharesLog {
                group.addTask {
                    while !calm.isFired {
                        try await world.time.sleep(for: .milliseconds(500 + world.numbers.below(4000)))
                        if !calm.isFired { world.stirDisk() }
                    }
                }
            }
            var former: Life?
            for (index, death) in plan.deaths.enumerated() {
                let life = Life(index, dyingAfter: death.end.steps)
                world.logger.info("a process begins", ["end": "\(death)"])
                if shared == nil { world.disk.cutPower(afterOperations: death.end.diskOperations) }
                let inhabited = Signal()
                group.addTask {
                    await inhabit(life, shared)
                    inhabited.fire()
                }
                let cutOff = former
                await lifetime(of: life)
                cutOff?.kill()
                if index == 0 {
                    outcome.report.withLock {
                        $0.steps = life.steps
                        $0.diskOperations = world.disk.operations
                    }
                }
                world.logger.info("its time is over", ["lives": "\(life.isAlive)"])
                if shared == nil {
                    if case .orderly = death.end, life.isAlive {
                        life.leaving.fire()
                        await inhabited.wait()
                    }
                    life.kill()
                    world.disk.restart(losingUnsynced: death.losesPower)
                }
                former = life
            }
            // The last process meets a world that has calmed down, and must finish what there is.
            calm.fire()
            world.hostility = .none
            world.calmDisk()
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

    private func lifetime(of life: Life) async {
        let lifetime = Duration.milliseconds(1000 + world.numbers.below(9000))
        await withTaskGroup(of: Void.self) { race in
            race.addTask {
                // Cancelled when the process dies before its time.
                do { try await world.time.sleep(for: lifetime) } catch {}
            }
            race.addTask { await life.died.wait() }
            await race.next()
            race.cancelAll()
        }
    }

    private func write() async throws {
        try await client(0).makeStream(partitions: plan.partitions)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<plan.clients {
                group.addTask { try await client(number).write(batches: plan.batches) }
            }
            try await group.waitForAll()
        }
    }

    private func client(_ number: Int) -> SimulatedClient {
        SimulatedClient(world: world, number: number, hasSchema: plan.usesParquet)
    }

    // MARK: A process

    /// The log of a process, once it has been opened.
    private final class OpenedLog: Sendable {
        let log: Mutex<LocalLog?>

        init(_ log: LocalLog?) { self.log = Mutex(log) }
    }

    /// Runs a process until it dies or leaves.
    private func inhabit(_ life: Life, _ shared: LocalLog?, isLast: Bool = false) async {
        let opened = OpenedLog(shared)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                guard let process = await start(life, opened, isRemote: shared != nil) else { return }
                world.come(process)
                await serve(process, isLast: isLast)
            }
            group.addTask { await life.died.wait() }
            group.addTask { await life.leaving.wait() }
            await group.next()
            group.cancelAll()
        }
        if life.isAlive, life.leaving.isFired, shared == nil, let log = opened.log.withLock({ $0 }) {
            await log.shutDown()
        }
    }

    /// Opens the log and reads the catalog, again and again while that may help.
    private func start(_ life: Life, _ opened: OpenedLog, isRemote: Bool) async -> SimulatedProcess? {
        while life.isAlive, !Task.isCancelled {
            do {
                let log = try opened.log.withLock { $0 } ?? SimulatedProcess.openLog(world)
                opened.log.withLock { $0 = log }
                return try await SimulatedProcess(world, life, log: log, isRemote: isRemote)
            } catch let error as RecordLogError where error.code == .damaged {
                refused(error)
                return nil
            } catch {
                world.logger.warning("a process does not come up", ["error": "\(error)"])
                if world.disk.isOff { life.kill() }
                do { try await world.time.sleep(for: .milliseconds(300)) } catch { return nil }
            }
        }
        return nil
    }

    /// After failed syncs nobody knows what the disk holds: the log may refuse, and must say so.
    private func refused(_ error: RecordLogError) {
        if world.hasFailedSyncs {
            outcome.refuse(error.message)
        } else {
            outcome.fail("the log refuses to start: \(error)")
        }
    }

    /// Delivers; creates the task when there is none, and stops and starts it at times.
    private func serve(_ process: SimulatedProcess, isLast: Bool) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    do {
                        try await process.tasks.run()
                    } catch {
                        // Cancelled with the process.
                        do { try await world.time.sleep(for: .milliseconds(100)) } catch { return }
                    }
                }
            }
            if plan.trims, !isLast {
                group.addTask {
                    while !Task.isCancelled {
                        // The disk may fail, and the process end, at any time.
                        do { try await expire(process) } catch { continue }
                    }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    do {
                        if try await operate(process, isLast: isLast) { return }
                    } catch {
                        do { try await world.time.sleep(for: .milliseconds(200)) } catch { return }
                    }
                }
            }
        }
    }

    /// Lets retention overtake the task now and then.
    private func expire(_ process: SimulatedProcess) async throws {
        try await world.time.sleep(for: .milliseconds(500 + world.numbers.below(4000)))
        let described = try await process.streams.describe(SimulatedProcess.stream, in: world.project)
        guard let stream = described else { return }
        let partition = PartitionID(stream: stream.id, number: PartitionNumber(world.numbers.below(plan.partitions)))
        let bounds = try process.log.bounds(of: partition)
        let count = bounds.next.distance(from: bounds.first)
        guard count > 0 else { return }
        let first = bounds.first.advanced(by: 1 + world.numbers.below(count))
        world.overtake(try await DeliveryVerdict.records(of: partition, from: bounds.first, to: first, in: process.log))
        world.logger.info("retention passes", ["partition": "\(partition)", "to": "\(first)"])
        guard await process.life.step() else { return }
        try await process.log.trim(partition, before: first)
    }

    /// What people do to the task; true when they are done.
    private func operate(_ process: SimulatedProcess, isLast: Bool) async throws -> Bool {
        let tasks = process.tasks
        if try await tasks.list(on: SimulatedProcess.stream, in: world.project).isEmpty {
            try await tasks.create(descriptor, on: SimulatedProcess.stream, in: world.project)
        } else {
            if !isLast, world.numbers.chance(30) {
                try await tasks.stop(["t"], on: SimulatedProcess.stream, in: world.project)
            }
            try await tasks.start(["t"], on: SimulatedProcess.stream, in: world.project)
        }
        if !isLast, plan.usesParquet {
            try await world.time.sleep(for: .milliseconds(500 + world.numbers.below(4000)))
            if world.numbers.chance(30) { try await mend(process) }
            _ = try await tasks.replay(
                parkedRecordsOf: "t", on: SimulatedProcess.stream, in: world.project, ParkedFilter())
            return false
        }
        if !isLast || !plan.sharesLog { return true }
        // Whoever was cut off may stop the task once more: the last one insists.
        try await world.time.sleep(for: .seconds(5))
        return false
    }

    /// Makes the schema one that all records fit.
    private func mend(_ process: SimulatedProcess) async throws {
        let stream = try process.streams.stream(SimulatedProcess.stream, in: world.project)
        guard stream.record.dataSchema != SimulatedSchema.mended else { return }
        var update = StreamUpdate()
        update.dataSchema = SimulatedSchema.mended
        _ = try await process.streams.update(stream, with: update)
    }

    private var descriptor: OBSDescriptor {
        var descriptor = OBSDescriptor()
        descriptor.taskName = "t"
        descriptor.obsBucketPath = "lake"
        descriptor.consumerStrategy = "TRIM_HORIZON"
        descriptor.deliverTimeInterval = 2
        descriptor.partitionFormat = "yyyy/MM/dd/HH/mm"
        if plan.usesParquet {
            descriptor.destinationFileType = "parquet"
            descriptor.compressionFormat = "none"
        }
        if plan.usesRecordTime { descriptor.processingSchema = .init(timestampName: "t", timestampType: "Timestamp") }
        return descriptor
    }

    // MARK: The end

    /// Waits until the last process has delivered all there is.
    private func finish(_ last: Life) async throws {
        let roundsMax = 3000
        var state = "the last process never came up, or died"
        for round in 0..<roundsMax {
            try await world.time.sleep(for: .seconds(1))
            guard let process = world.front, process.life === last else { continue }
            let task: TransferTaskDetails
            let isSettled: Bool
            do {
                task = try await process.tasks.show("t", on: SimulatedProcess.stream, in: world.project)
                let isDelivered = task.partitions.allSatisfy { $0.next == $0.bounds?.upperBound }
                isSettled = isDelivered ? try await self.isSettled(process, round: round) : false
            } catch {
                // A process that shares the catalog with others may have to hear of their changes first.
                state = "\(error)"
                continue
            }
            if task.summary.state == .error { throw SimulationFailure("ERROR: \(task.summary.reason)") }
            if isSettled { return }
            let positions = task.partitions.map { "\($0.next) of \($0.bounds?.upperBound.value ?? -1)" }
            state = "\(task.summary.state) \(positions) \(task.summary.reason)"
        }
        throw SimulationFailure("not everything was delivered in time: \(state)")
    }

    /// Whether nothing is left to replay; has all replayed that is parked where the plan says so.
    private func isSettled(_ process: SimulatedProcess, round: Int) async throws -> Bool {
        guard plan.usesParquet else { return true }
        let parked = try await process.tasks.parkedRecords(
            of: "t", on: SimulatedProcess.stream, in: world.project, limit: 1000
        ).records
        let isDone = plan.endsMended ? parked.isEmpty : !parked.contains(where: \.isReplayPending)
        // Another process may have marked records and died before it told anybody: whoever waits asks again.
        if !isDone, round % 10 == 0 {
            if plan.endsMended { try await mend(process) }
            _ = try await process.tasks.replay(
                parkedRecordsOf: "t", on: SimulatedProcess.stream, in: world.project, ParkedFilter())
        }
        return isDone
    }

    /// Cuts the power once more and looks at what is left.
    private func judge() async throws {
        world.disk.restart()
        let log: LocalLog
        do {
            log = try SimulatedProcess.openLog(world)
        } catch {
            return refused(error)
        }
        let process = try await SimulatedProcess(world, Life(.max, dyingAfter: nil), log: log, isRemote: false)
        if let reason = try await DeliveryVerdict(world: world, plan: plan, process: process).failure() {
            outcome.fail(reason)
        }
        if plan.usesParquet {
            let parked = try await process.tasks.parkedRecords(
                of: "t", on: SimulatedProcess.stream, in: world.project, limit: 1)
            outcome.report.withLock { $0.parked = parked.total }
        }
    }
}

extension SimulationPlan.End {
    fileprivate var steps: Int? {
        if case .steps(let steps) = self { steps } else { nil }
    }

    fileprivate var diskOperations: Int? {
        if case .diskOperations(let operations) = self { operations } else { nil }
    }
}

internal import Observability
internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import SluiceTesting
internal import SluiceTransfers
internal import Synchronization

/// Processes that come up, work and end as the plan says.
extension DeliverySimulation {
    /// Has one process live after the other; returns the last of them, which works on where several share a log.
    func liveAndDie(in group: inout ThrowingTaskGroup<Void, any Error>, _ shared: LocalLog?) async throws -> Life? {
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
        return former
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

    /// The log of a process, once it has been opened.
    private final class OpenedLog: Sendable {
        let log: Mutex<LocalLog?>

        init(_ log: LocalLog?) { self.log = Mutex(log) }
    }

    /// Runs a process until it dies or leaves.
    func inhabit(_ life: Life, _ shared: LocalLog?, isLast: Bool = false) async {
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
    func refused(_ error: RecordLogError) {
        if world.hasFailedSyncs {
            outcome.refuse(error.message)
        } else {
            outcome.fail("the log refuses to start: \(error)")
        }
    }

    /// Delivers, while people work with the process.
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
            group.addTask {
                await SimulatedOperator(world: world, plan: plan, process: process, isLast: isLast).work()
            }
        }
    }
}

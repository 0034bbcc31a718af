internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import SluiceTesting
internal import SluiceTransfers
internal import Synchronization

/// How a run ends: the last process delivers all there is, the power goes once more, and what is left is judged.
extension DeliverySimulation {
    /// Waits until the last process has delivered all there is.
    func finish(_ last: Life) async throws {
        let roundsMax = 1000
        var states = ["the last process never came up, or died"]
        for round in 0..<roundsMax {
            try await world.time.sleep(for: .seconds(1))
            guard let process = world.front, process.life === last else { continue }
            states = []
            for task in plan.tasks {
                if let state = try await unfinished(task, process, round: round) { states.append(state) }
            }
            if states.isEmpty { return }
        }
        throw SimulationFailure("not everything was delivered in time: \(states.joined(separator: "; "))")
    }

    /// What is left to do for a task; nil when nothing is.
    private func unfinished(_ planned: PlannedTask, _ process: SimulatedProcess, round: Int) async throws -> String? {
        let stream = SimulatedProcess.streams[planned.stream]
        do {
            let task = try await process.tasks.show(planned.name, on: stream, in: world.project)
            let isDelivered = task.partitions.allSatisfy { $0.next == $0.bounds?.upperBound }
            if isDelivered, task.summary.state.isActive, try await isSettled(planned, process, round: round) {
                return nil
            }
            let positions = task.partitions.map { "\($0.next) of \($0.bounds?.upperBound.value ?? -1)" }
            return "\(planned.name) \(task.summary.state) \(positions) \(task.summary.reason)"
        } catch {
            // A process that shares the catalog with others may have to hear of their changes first.
            return "\(planned.name) \(error)"
        }
    }

    /// Whether nothing is left to replay; has all replayed that is parked where the plan says so.
    private func isSettled(_ task: PlannedTask, _ process: SimulatedProcess, round: Int) async throws -> Bool {
        guard plan.content == .columns else { return true }
        let stream = SimulatedProcess.streams[task.stream]
        let parked = try await process.tasks.parkedRecords(
            of: task.name, on: stream, in: world.project, limit: 1000
        ).records
        let isDone = plan.endsMended ? parked.isEmpty : !parked.contains(where: \.isReplayPending)
        // Another process may have marked records and died before it told anybody: whoever waits asks again.
        if !isDone, round % 10 == 0 {
            if plan.endsMended {
                try await SimulatedOperator(world: world, plan: plan, process: process, isLast: true).mend(stream)
            }
            _ = try await process.tasks.replay(
                parkedRecordsOf: task.name, on: stream, in: world.project, ParkedFilter())
        }
        return isDone
    }

    /// Cuts the power once more and looks at what is left.
    func judge() async throws {
        world.disk.restart()
        let log: LocalLog
        do {
            log = try SimulatedProcess.openLog(world)
        } catch {
            return refused(error)
        }
        let process = try await SimulatedProcess(world, .judge(), log: log, isRemote: false)
        let verdict = DeliveryVerdict(world: world, plan: plan, process: process)
        if let reason = try await verdict.failure() { outcome.fail(reason) }
        if let catalog = process.catalog as? FileCatalog { try catalog.verify() }
        let parked = try await verdict.parkedRecords()
        outcome.report.withLock { $0.parked = parked }
    }
}

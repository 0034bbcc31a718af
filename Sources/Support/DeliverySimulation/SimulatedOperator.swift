internal import Observability
internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import SluiceStreams
internal import SluiceTransfers

/// What people do with one process: they see to it that the planned tasks are there and run, and do to them whatever the
/// plan allows.
struct SimulatedOperator: Sendable {
    let world: SimulatedWorld
    let plan: SimulationPlan
    let process: SimulatedProcess
    /// Whether the world has calmed down: then all that is planned is made and started, and left alone.
    let isLast: Bool

    private var tasks: TransferTasks { process.tasks }

    /// Until it is cancelled, or nothing is left to do.
    func work() async {
        await withTaskGroup(of: Void.self) { group in
            for task in plan.tasks { group.addTask { await tend(task) } }
            for stream in 0..<plan.streams where plan.scales || plan.recreatesStreams {
                group.addTask { await tendStream(stream) }
            }
            if plan.trims, !isLast { group.addTask { await again { try await expire() } } }
        }
    }

    /// Repeats what may fail at any time, because the process, the disk or the network does.
    private func again(_ body: () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await body()
            } catch {
                do { try await world.time.sleep(for: .milliseconds(200)) } catch { return }
            }
        }
    }

    private func pause() async throws {
        try await world.time.sleep(for: .milliseconds(500 + world.numbers.below(4000)))
    }

    // MARK: Tasks

    private func tend(_ task: PlannedTask) async {
        var rounds = 0
        while !Task.isCancelled {
            do {
                if try await tend(task, isFirst: rounds == 0) { return }
                rounds += 1
            } catch {
                world.logger.info("an operation failed", ["task": task.name, "error": "\(error)"])
                do { try await world.time.sleep(for: .milliseconds(200)) } catch { return }
            }
        }
    }

    /// Looks after a task once; true when nobody has to come again.
    private func tend(_ task: PlannedTask, isFirst: Bool) async throws -> Bool {
        let stream = SimulatedProcess.streams[task.stream]
        if try await !tasks.list(on: stream, in: world.project).contains(where: { $0.task.name == task.name }) {
            if let described = try await process.streams.describe(stream, in: world.project) {
                world.history.noteRequest(for: task.name, on: described, process.log)
            }
            try await tasks.create(task.form.descriptor(of: task), on: stream, in: world.project)
        } else if isFirst || isLast {
            if !isLast, world.numbers.chance(30) { try await tasks.stop([task.name], on: stream, in: world.project) }
            try await tasks.start([task.name], on: stream, in: world.project)
        } else {
            try await operate(task, on: stream)
        }
        if isLast {
            // Whoever was cut off may stop the task once more, and a stream may be made late: the last one insists.
            guard plan.sharesLog || plan.recreatesStreams else { return true }
            try await world.time.sleep(for: .seconds(5))
            return false
        }
        guard plan.touchesTasks else { return true }
        try await pause()
        return false
    }

    private enum Deed: Sendable {
        case start, stop, stopTogether, update, delete, mend, replay, discard
    }

    /// What people do to tasks, the likely more often.
    private var deeds: [Deed] {
        var deeds: [Deed] = [.start]
        if plan.stopsTasks { deeds += [.stop, .stop, .stopTogether] }
        if plan.updatesTasks { deeds += [.update, .update] }
        if plan.recreatesTasks { deeds += [.delete] }
        if plan.content == .columns { deeds += [.mend, .replay, .replay, .discard] }
        return deeds
    }

    private func operate(_ task: PlannedTask, on stream: String) async throws {
        let project = world.project
        let deed = deeds[world.numbers.below(deeds.count)]
        world.logger.info("somebody turns to a task", ["task": task.name, "stream": stream, "deed": "\(deed)"])
        switch deed {
        case .start: try await tasks.start([task.name], on: stream, in: project)
        case .stop: try await tasks.stop([task.name], on: stream, in: project)
        case .stopTogether:
            let names = plan.tasks.filter { $0.stream == task.stream }.map(\.name)
            try await tasks.stop(names, on: stream, in: project)
            if world.numbers.chance(50) { try await tasks.start(names, on: stream, in: project) }
        case .update:
            let form = PlannedForm(for: plan.content, drawnFrom: world.numbers)
            try await tasks.update(form.descriptor(of: task), on: stream, in: project)
        case .delete: try await tasks.delete(task.name, on: stream, in: project)
        case .mend: if world.numbers.chance(30) { try await mend(stream) }
        case .replay:
            _ = try await tasks.replay(parkedRecordsOf: task.name, on: stream, in: project, ParkedFilter())
        case .discard:
            guard world.numbers.chance(30) else { return }
            _ = try await tasks.discard(parkedRecordsOf: task.name, on: stream, in: project, ParkedFilter())
        }
    }

    /// Makes the schema one that all records fit.
    func mend(_ name: String) async throws {
        let stream = try process.streams.stream(name, in: world.project)
        guard stream.record.dataSchema != SimulatedSchema.mended else { return }
        var update = StreamUpdate()
        update.dataSchema = SimulatedSchema.mended
        _ = try await process.streams.update(stream, with: update)
    }

    // MARK: Streams

    private func tendStream(_ index: Int) async {
        // Also the last process sees a stream go, but once.
        var mayDelete = plan.recreatesStreams
        await again {
            try await pause()
            let name = SimulatedProcess.streams[index]
            guard let stream = try? process.streams.stream(name, in: world.project) else {
                // Its first time is its clients' to make.
                guard world.hasMade(index) else { return }
                let client = SimulatedClient(world: world, number: 0, content: plan.content)
                return try await client.makeStream(index, partitions: plan.partitions)
            }
            if mayDelete, world.numbers.chance(20) {
                world.logger.info("a stream is deleted", ["stream": name])
                mayDelete = !isLast
                try await process.streams.delete(stream)
            } else if plan.scales, !isLast {
                let target = 1 + world.numbers.below(4)
                world.logger.info("a stream is scaled", ["stream": name, "partitions": "\(target)"])
                _ = try await process.streams.scale(stream, to: target)
            }
            if isLast { mayDelete = false }
        }
    }

    /// Lets retention overtake the tasks of a stream.
    private func expire() async throws {
        try await pause()
        let name = SimulatedProcess.streams[world.numbers.below(plan.streams)]
        guard let stream = try await process.streams.describe(name, in: world.project) else { return }
        let number = stream.partitions[world.numbers.below(stream.partitions.count)].number
        let partition = PartitionID(stream: stream.id, number: number)
        let bounds = try process.log.bounds(of: partition)
        let count = bounds.next.distance(from: bounds.first)
        guard count > 0 else { return }
        let first = bounds.first.advanced(by: 1 + world.numbers.below(count))
        world.lose(try await StreamContents.records(of: partition, from: bounds.first, to: first, in: process.log))
        world.noteTrim(of: partition, before: first)
        world.logger.info("retention passes", ["partition": "\(partition)", "to": "\(first)"])
        guard await process.life.step() else { return }
        try await process.log.trim(partition, before: first)
    }
}

internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts
internal import SluiceStreams
internal import SluiceTransfers

/// What must hold at the end of every run: acknowledged records are where clients were told; what each task has been
/// through, deleted ones included, is as `TaskVerdict` demands; no two tasks claim one object, no object is there that
/// nobody has planned, and nothing is left of what was deleted.
struct DeliveryVerdict: Sendable {
    let world: SimulatedWorld
    let plan: SimulationPlan
    let process: SimulatedProcess

    /// The first rule that is broken; nil when all hold.
    func failure() async throws -> String? {
        let living = try await livingTasks()
        let streams = try await contents(of: living)
        if let reason = checkAcknowledged(streams) { return reason }
        var claims: [String: String] = [:]
        for (task, evidence) in living {
            let verdict = TaskVerdict(
                world: world, plan: plan, evidence: evidence,
                contents: streams[StreamID(evidence.settings.stream)] ?? StreamContents(seen: []))
            if let reason = try verdict.failure(&claims) { return "\(evidence.settings.name): \(reason)" }
            let answers = AnswerVerdict(
                world: world, process: process, stream: SimulatedProcess.streams[task.stream], evidence: evidence)
            if let reason = try await answers.failure() { return "\(evidence.settings.name): \(reason)" }
        }
        for evidence in world.history.deleted {
            let stream = StreamID(evidence.settings.stream)
            let verdict = TaskVerdict(
                world: world, plan: plan, evidence: evidence,
                contents: streams[stream] ?? StreamContents(seen: world.lost.filter { $0.stream == stream }))
            if let reason = try verdict.failure(&claims) { return "the deleted \(evidence.settings.name): \(reason)" }
        }
        if let reason = checkOthers(claims, living.map(\.1)) { return reason }
        return try await checkLeftovers(living.map(\.1))
    }

    /// How many records the planned tasks have parked.
    func parkedRecords() async throws -> Int {
        var count = 0
        for task in plan.tasks where plan.content == .columns {
            let stream = SimulatedProcess.streams[task.stream]
            count += try await process.tasks.parkedRecords(of: task.name, on: stream, in: world.project, limit: 1).total
        }
        return count
    }

    private func livingTasks() async throws -> [(PlannedTask, TaskEvidence)] {
        var living: [(PlannedTask, TaskEvidence)] = []
        for task in plan.tasks {
            let stream = SimulatedProcess.streams[task.stream]
            let details = try await process.tasks.show(task.name, on: stream, in: world.project)
            guard let evidence = try await TaskEvidence(of: details.summary.task.id.text, in: process.catalog) else {
                throw SimulationFailure("the catalog has no task \(task.name)")
            }
            living.append((task, evidence))
        }
        return living
    }

    /// What the living streams hold, with what retention has removed.
    private func contents(of living: [(PlannedTask, TaskEvidence)]) async throws -> [StreamID: StreamContents] {
        var streams: [StreamID: StreamContents] = [:]
        for name in SimulatedProcess.streams.prefix(plan.streams) {
            guard let stream = try await process.streams.describe(name, in: world.project) else {
                throw SimulationFailure("the stream \(name) is gone")
            }
            var contents = StreamContents(seen: world.lost.filter { $0.stream == stream.id })
            try await contents.read(stream, from: process.log)
            streams[stream.id] = contents
        }
        return streams
    }

    private func checkAcknowledged(_ streams: [StreamID: StreamContents]) -> String? {
        for told in world.acknowledged {
            guard let contents = streams[told.stream] else { continue }  // deleted with its stream
            guard let place = contents.places[told.record] else {
                return "the acknowledged record \(told.record) is lost"
            }
            guard place == told.place else { return "the record \(told.record) is not where its client was told" }
        }
        return nil
    }

    /// Objects that no ledger names: what deleted tasks were about to deliver, and what error directories hold.
    private func checkOthers(_ claims: [String: String], _ living: [TaskEvidence]) -> String? {
        let livingTasks = Set(living.map(\.settings.id))
        for (name, bytes) in world.objects.sorted(by: { $0.key < $1.key }) where claims[name] == nil {
            let planners = world.history.planners(of: SimulatedWorld.key(in: name))
            guard !planners.isEmpty else { return "nobody has planned \(name)" }
            let isOfLivingTasks = planners.isSubset(of: livingTasks)
            if SimulatedWorld.key(in: name).split(separator: "/").dropLast().last == "error" {
                // A task that was deleted before it had read the object back may leave a damaged one.
                guard isOfLivingTasks else { continue }
                for line in bytes.split(separator: UInt8(ascii: "\n")) {
                    guard world.sent(StreamContents.name(of: line))?.elementsEqual(line) ?? false else {
                        return "\(name) holds a line that is no record"
                    }
                }
            } else if !plan.trims, isOfLivingTasks {
                return "\(name) is in no ledger"
            }
        }
        return nil
    }

    /// Nothing is kept of tasks and streams that are gone.
    private func checkLeftovers(_ living: [TaskEvidence]) async throws -> String? {
        // Processes that share a catalog know nothing of each other's operations.
        guard !plan.sharesLog else { return nil }
        let tasks = Set(living.map(\.settings.id))
        let streams = Set(living.map(\.settings.stream))
        for entry in try await TaskEvidence.entries("transfer", in: process.catalog) {
            let parts = entry.key.text.split(separator: "/").map(String.init)
            guard parts.count > 2 else { return "the catalog has an odd key \(entry.key)" }
            let isKept =
                switch parts[1] {
                case "stream": streams.contains(parts[2])
                case "name": parts.last.map { tasks.contains($0) } ?? false
                default: tasks.contains(parts[2])
                }
            guard isKept else { return "the catalog still has \(entry.key)" }
        }
        return nil
    }
}

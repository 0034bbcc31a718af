internal import SluiceCore
internal import Terminal

let watchTask = Command(
    "watch", abstract: "Show how a task gets on, until Ctrl-C.",
    discussion: "A line per look: state, records delivered and waiting, rate, and the time of the last delivery.",
    parameters: [
        streamOfTask, taskArgument,
        .option("interval", value: "seconds", help: "Look again after so long, 1 to 3600.", default: "1"),
        .option("count", short: "n", value: "count", help: "Stop after so many looks."),
        .flag("until-delivered", help: "Stop as soon as nothing waits."), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let stream = try call.required("stream")
    let name = try call.required("task")
    let interval = Duration.seconds(try call.integer("interval", in: 1...3600) ?? 1)
    let looksMax = try call.integer("count", in: 1...Int.max) ?? .max
    var before: (delivered: Int64, at: Duration)?
    var looks = 0
    // Ends with the count, with an empty backlog when asked for, with the output's reader or with the task.
    while true {
        let look = try await TaskLook(service, stream: stream, task: name)
        let now = call.console.time.elapsed()
        let rate = before.map { max(0, Double(look.delivered - $0.delivered)) / max(0.001, (now - $0.at).inSeconds) }
        before = (look.delivered, now)
        try await call.console.print(call.isForPrograms ? look.output(rate: rate).text : look.line(rate: rate))
        try await call.console.output.flush()
        looks += 1
        if looks >= looksMax || (call.flag("until-delivered") && look.waiting == 0) { break }
        try await call.console.time.sleep(for: interval)
    }
}

/// A task's progress at one moment.
private struct TaskLook {
    let state: String
    /// The sum over partitions of the next number to deliver: it grows by one per record.
    let delivered: Int64
    let waiting: Int64
    let discarded: Int64
    let lastDelivery: Int64?

    init(_ service: ServiceClient, stream: String, task: String) async throws {
        let answer: TaskAnswer = try await service.get(service.tasksPath(stream, task))
        let partitions = try await service.stream(stream).partitions
        state = answer.state ?? "UNKNOWN"
        lastDelivery = answer.lastTransferTimestamp
        var positions: [String: Int64] = [:]
        for partition in answer.partitions ?? [] {
            positions[partition.partitionId] = partition.lastTransferOffset.map { $0 + 1 } ?? 0
        }
        delivered = positions.values.reduce(0, +)
        discarded = (answer.partitions ?? []).reduce(0) { $0 + ($1.discard ?? 0) }
        waiting = partitions.reduce(0) { sum, partition in
            guard let range = partition.range else { return sum }
            return sum + max(0, range.next - max(range.earliest, positions[partition.partitionId] ?? range.earliest))
        }
    }

    func line(rate: Double?) -> String {
        var parts = [state, "waiting \(HumanText.count(Int(waiting)))"]
        if let rate { parts.append("\(HumanText.count(Int(rate.rounded()))) records/s") }
        if discarded > 0 { parts.append("discarded \(HumanText.count(Int(discarded)))") }
        let last = timeText(lastDelivery)
        parts.append(last.isEmpty ? "nothing delivered yet" : "last delivery \(last)")
        return parts.joined(separator: "  ")
    }

    func output(rate: Double?) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("state", .string(state)), ("waiting", .integer(Int(waiting))), ("discarded", .integer(Int(discarded))),
        ]
        if let rate { members.append(("records_per_second", .double(rate))) }
        if let lastDelivery { members.append(("last_transfer_timestamp", .integer(Int(lastDelivery)))) }
        return .object(members)
    }
}

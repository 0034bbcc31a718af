internal import SluiceCore
internal import Terminal

let watchTask = Command(
    "watch", abstract: "Show how a task gets on, until Ctrl-C.",
    discussion: """
        State; what waits, in records and bytes, and the age of the oldest of it; what was delivered a second, over the \
        last half minute; parked and discarded records; the last object. On a terminal one line that is painted again, \
        otherwise a line per look.
        """,
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
    let repaints = call.console.outputIsTerminal && !call.isForPrograms
    var pace = DeliveryPace()
    var looks = 0
    // Ends with the count, with an empty backlog when asked for, with the output's reader or with the task.
    while true {
        let look = TaskLook(try await service.get(service.tasksPath(stream, name)))
        pace.add(look, at: call.console.time.elapsed())
        if call.isForPrograms {
            try await call.console.print(look.output(pace).text)
        } else if repaints {
            try await call.console.write("\r\(look.line(pace, width: call.console.width - 1))\u{1B}[K")
        } else {
            try await call.console.print(look.line(pace, width: nil))
        }
        try await call.console.output.flush()
        looks += 1
        if looks >= looksMax || (call.flag("until-delivered") && look.lag.records == 0) { break }
        try await call.console.time.sleep(for: interval)
    }
    if repaints { try await call.console.print("") }
}

/// What a task delivers a second, over the last looks: objects come one at a time, so that a single look says little.
struct DeliveryPace {
    private static let window = Duration.seconds(30)

    private var looks: [(records: Int, bytes: Int, at: Duration)] = []

    /// Nil before the second look.
    private(set) var recordsPerSecond: Double?
    private(set) var bytesPerSecond: Double?

    fileprivate mutating func add(_ look: TaskLook, at now: Duration) {
        // Of those outside the window the latest stays, to measure from.
        while looks.count > 1, looks[1].at <= now - Self.window { looks.removeFirst() }
        looks.append((look.delivered, look.deliveredBytes, now))
        guard let first = looks.first, looks.count > 1 else { return }
        let seconds = max(0.001, (now - first.at).inSeconds)
        recordsPerSecond = max(0, Double(look.delivered - first.records)) / seconds
        bytesPerSecond = max(0, Double(look.deliveredBytes - first.bytes)) / seconds
    }
}

/// A task's progress at one moment.
private struct TaskLook {
    let state: String
    let reason: String?
    let lag: TaskAnswer.Lag
    let delivered: Int
    let deliveredBytes: Int
    let parked: Int
    let discarded: Int
    let lastObject: String?
    let lastDelivery: Int64?

    init(_ answer: TaskAnswer) {
        state = answer.state ?? "UNKNOWN"
        reason = answer.reason
        lag = answer.lag ?? TaskAnswer.Lag()
        delivered = answer.delivered ?? 0
        deliveredBytes = answer.deliveredBytes ?? 0
        parked = answer.parked ?? 0
        discarded = Int((answer.partitions ?? []).reduce(0) { $0 + ($1.discard ?? 0) })
        lastObject = answer.lastObject
        lastDelivery = answer.lastTransferTimestamp
    }

    /// - Parameter width: the line is cut to it, the object's name at its front; nil leaves it whole.
    func line(_ pace: DeliveryPace, width: Int?) -> String {
        var parts = [state]
        if lag.records > 0 {
            let age = HumanText.duration(.milliseconds(Int64(min(lag.seconds, 1e9) * 1000)))
            parts.append("lag \(HumanText.count(lag.records)) records, \(HumanText.bytes(lag.bytes)), \(age)")
        } else {
            parts.append("lag 0")
        }
        if let records = pace.recordsPerSecond, let bytes = pace.bytesPerSecond {
            parts.append("\(HumanText.count(Int(records.rounded()))) records/s, \(HumanText.bytes(Int(bytes)))/s")
        }
        if parked > 0 { parts.append("parked \(HumanText.count(parked))") }
        if discarded > 0 { parts.append("discarded \(HumanText.count(discarded))") }
        if let reason, !reason.isEmpty { parts.append(reason) }
        let line = parts.joined(separator: "  ")
        let object = lastObject.map { "last \($0)" } ?? "nothing delivered yet"
        guard let width else { return line + "  " + object }
        let room = width - line.count - 2
        if object.count <= room { return line + "  " + object }
        return room > 10 ? line + "  …" + object.suffix(room - 1) : String(line.prefix(width))
    }

    func output(_ pace: DeliveryPace) -> JSONOutput {
        var members: [(String, JSONOutput)] = [("state", .string(state))]
        if let reason { members.append(("reason", .string(reason))) }
        members += [
            (
                "lag",
                .object([
                    ("records", .integer(lag.records)), ("bytes", .integer(lag.bytes)),
                    ("seconds", .double(lag.seconds)),
                ])
            ), ("delivered", .integer(delivered)), ("delivered_bytes", .integer(deliveredBytes)),
            ("parked", .integer(parked)), ("discarded", .integer(discarded)),
        ]
        if let records = pace.recordsPerSecond { members.append(("records_per_second", .double(records))) }
        if let bytes = pace.bytesPerSecond { members.append(("bytes_per_second", .double(bytes))) }
        if let lastObject { members.append(("last_object", .string(lastObject))) }
        if let lastDelivery { members.append(("last_transfer_timestamp", .integer(Int(lastDelivery)))) }
        return .object(members)
    }
}

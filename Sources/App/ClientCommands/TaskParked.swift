internal import SluiceCore
internal import Terminal

let parkedCommand = Command(
    "parked", abstract: "Work with records that a task could not convert: list, replay and discard them.",
    subcommands: [listParked, replayParked, discardParked])

/// Which parked records a command means.
private let parkedConditions: [Parameter] = [
    .option("partition", value: "partition", help: "Only this partition."),
    .option("from", value: "number", help: "Only from this sequence number on."),
    .option("to", value: "number", help: "Only up to this sequence number."),
    .option("cause", value: "text", help: "Only where the cause holds this text."),
]

private let conditionMembers = [
    ("partition", "partition_id"), ("from", "from_sequence_number"), ("to", "to_sequence_number"), ("cause", "cause"),
]

extension CommandCall {
    /// The conditions given, under the names of the API.
    fileprivate func parkedFilter() throws -> [(String, String)] {
        let from = try integer("from", in: 0...Int.max)
        let to = try integer("to", in: 0...Int.max)
        if let from, let to, from > to { throw CommandError.usage("--from is above --to.") }
        return conditionMembers.compactMap { option, member in value(option).map { (member, $0) } }
    }

    fileprivate func printCount(_ count: Int) async throws {
        try await console.print(JSONOutput.object([("total_number", .integer(count))]).text)
    }
}

private let listParked = Command(
    "list", abstract: "List parked records with the cause of each.",
    parameters: [streamOfTask, taskArgument] + parkedConditions + [
        .option("limit", short: "n", value: "count", help: "Stop after so many.", default: "1000"), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let filter = try call.parkedFilter()
    let limit = try call.integer("limit", in: 1...Int.max) ?? 1000
    var table = TextTable([
        .init("PARTITION"), .init("NUMBER", .right), .init("TRIED", .right), .init("PARKED"),
        .init("CAUSE", isFlexible: true), .init("DATA", isFlexible: true),
    ])
    var lines: [JSONOutput] = []
    var total = 0
    var next: String?
    repeat {
        let query =
            filter + [("limit", String(min(1000, limit - table.rows.count)))] + (next.map { [("next", $0)] } ?? [])
        let path = try service.tasksPath(call.required("stream"), call.required("task"), "parked-records")
        let page: ParkedRecords = try await service.get(path, query: query)
        for record in page.parkedRecords.prefix(limit - table.rows.count) {
            table.append([
                record.partitionId, String(record.sequenceNumber.value), String(record.attempts),
                timeText(record.parkedAt), record.cause, record.preview,
            ])
            lines.append(record.output)
        }
        total = page.totalNumber
        next = page.parkedRecords.isEmpty || page.next == next ? nil : page.next
    } while next != nil && table.rows.count < limit
    if call.isForPrograms {
        var members: [(String, JSONOutput)] = [("total_number", .integer(total)), ("parked_records", .array(lines))]
        if let next { members.append(("next", .string(next))) }
        try await call.console.print(JSONOutput.object(members).text)
    } else if table.rows.isEmpty {
        await call.console.note("No such record is parked.")
    } else {
        try await call.console.print(table)
        if table.rows.count < total {
            await call.console.note("\(HumanText.count(total)) in all; see more with --limit.")
        }
    }
}

private let replayParked = Command(
    "replay", abstract: "Deliver parked records again, in the task's present form.",
    discussion: """
        Correct the stream's schema or the task first: what fails again is parked again. A task that is stopped does it \
        when it is started.
        """, parameters: [streamOfTask, taskArgument] + parkedConditions + [.output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let count = try await service.act("replay", call)
    if call.isForPrograms { return try await call.printCount(count) }
    try await call.printDone("\(HumanText.count(count)) parked record\(count == 1 ? " is" : "s are") to be replayed.")
}

private let discardParked = Command(
    "discard", abstract: "Forget parked records for ever.",
    discussion: "They count as discarded from then on. Without --yes it only says how many there are.",
    parameters: [streamOfTask, taskArgument] + parkedConditions + [
        .flag("yes", help: "Really do it."), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    guard call.flag("yes") else {
        let path = try service.tasksPath(call.required("stream"), call.required("task"), "parked-records")
        let page: ParkedRecords = try await service.get(
            path, query: try call.parkedFilter() + [("limit", "1"), ("data", "false")])
        throw CommandError(
            "\(HumanText.count(page.totalNumber)) parked record\(page.totalNumber == 1 ? "" : "s") would be lost for ever.",
            hint: "Add --yes to discard.")
    }
    let count = try await service.act("discard", call)
    if call.isForPrograms { return try await call.printCount(count) }
    try await call.printDone("\(HumanText.count(count)) parked record\(count == 1 ? " is" : "s are") discarded.")
}

extension ServiceClient {
    /// Replays or discards what the call's conditions match; returns how many records that were.
    fileprivate func act(_ action: String, _ call: CommandCall) async throws -> Int {
        struct Answer: Decodable {
            var totalNumber: Int
        }
        let filter = try call.parkedFilter().map { ($0.0, JSONOutput.string($0.1)) }
        let body = JSONOutput.object([("action", .string(action)), ("filter", .object(filter))])
        let path = try tasksPath(call.required("stream"), call.required("task"), "parked-records", "action")
        let answer: Answer = try decode(await send("POST", path, json: body))
        return answer.totalNumber
    }
}

/// One page of parked records.
struct ParkedRecords: Decodable {
    struct Record: Decodable {
        var partitionId: String
        var sequenceNumber: WireNumber
        var cause: String
        var attempts: Int
        /// In Base64.
        var data: String?
        var timestamp: Int64?
        var parkedAt: Int64?
        var lastAttemptAt: Int64?
        var partitionKey: String?
        var errorObject: String?
        var replayPending: Bool?

        /// The beginning of the data as text.
        var preview: String {
            let length = 60
            guard let bytes = data.flatMap({ Base64.decode($0) }) else { return "" }
            return String(decoding: bytes.prefix(length), as: UTF8.self) + (bytes.count > length ? "…" : "")
        }

        var output: JSONOutput {
            var members: [(String, JSONOutput)] = [
                ("partition_id", .string(partitionId)), ("sequence_number", .string(String(sequenceNumber.value))),
                ("cause", .string(cause)), ("attempts", .integer(attempts)),
            ]
            if let data { members.append(("data", .string(data))) }
            for (name, time) in [("timestamp", timestamp), ("parked_at", parkedAt), ("last_attempt_at", lastAttemptAt)]
            {
                if let time { members.append((name, .integer(Int(time)))) }
            }
            if let partitionKey { members.append(("partition_key", .string(partitionKey))) }
            if let errorObject { members.append(("error_object", .string(errorObject))) }
            if replayPending == true { members.append(("replay_pending", .boolean(true))) }
            return .object(members)
        }
    }

    var totalNumber: Int
    var parkedRecords: [Record]
    var next: String?
}

internal import SluiceCore
internal import Terminal

extension ServiceClient {
    /// One page of a task's ledger and where the next begins.
    func deliveries(
        _ stream: String, _ task: String, _ filter: [(String, String)], after next: String?
    ) async throws -> Deliveries {
        let query = filter + (next.map { [("next", $0)] } ?? [])
        return try await get(tasksPath(stream, task, "deliveries"), query: query)
    }
}

let listDeliveries = Command(
    "deliveries", abstract: "List what a task has delivered: which object holds which records.",
    parameters: [
        streamOfTask, taskArgument, .option("partition", value: "partition", help: "Only this partition."),
        .option("sequence-number", value: "number", help: "Only the object that holds this record; needs --partition."),
        .option("object", value: "name", help: "Only this object."),
        .option(
            "since", value: "time", help: "Delivered since then: 15m (ago), 2026-01-02T03:04:05Z or @milliseconds."),
        .option("until", value: "time", help: "Delivered before then."),
        .option("limit", short: "n", value: "count", help: "Stop after so many.", default: "1000"), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    var filter: [(String, String)] = []
    for (option, name) in [("partition", "partition_id"), ("sequence-number", "sequence_number"), ("object", "object")]
    {
        if let value = call.value(option) { filter.append((name, value)) }
    }
    if call.value("sequence-number") != nil, call.value("partition") == nil {
        throw CommandError.usage("--sequence-number needs --partition.")
    }
    for (option, name) in [("since", "start_time"), ("until", "end_time")] {
        guard let text = call.value(option) else { continue }
        guard case .time(let time) = try ReadPosition(parsing: text, now: call.console.time.now()) else {
            throw CommandError.usage("'\(text)' is no time.", hint: "Give 15m (ago) or 2026-01-02T03:04:05Z.")
        }
        filter.append((name, String(time.milliseconds)))
    }
    let limit = try call.integer("limit", in: 1...Int.max) ?? 1000
    var table = TextTable([
        .init("OBJECT", isFlexible: true), .init("PARTITION"), .init("FIRST", .right), .init("LAST", .right),
        .init("RECORDS", .right), .init("SIZE", .right), .init("CHECKSUM"), .init("DELIVERED"),
    ])
    var lines: [JSONOutput] = []
    var next: String?
    repeat {
        // No more than are shown: the page's end is where whoever goes on has to begin.
        let room = [("limit", String(min(1000, limit - table.rows.count)))]
        let page = try await service.deliveries(
            call.required("stream"), call.required("task"), filter + room, after: next)
        for delivery in page.deliveries.prefix(limit - table.rows.count) {
            table.append([
                delivery.object, delivery.partitionId, String(delivery.firstSequenceNumber.value),
                String(delivery.lastSequenceNumber.value), HumanText.count(delivery.records),
                delivery.bytes.map(HumanText.bytes) ?? "", delivery.checksum ?? "", timeText(delivery.deliveredAt),
            ])
            lines.append(delivery.output)
        }
        next = page.deliveries.isEmpty || page.next == next ? nil : page.next
    } while next != nil && table.rows.count < limit
    if call.isForPrograms {
        var members: [(String, JSONOutput)] = [("deliveries", .array(lines))]
        if let next { members.append(("next", .string(next))) }
        try await call.console.print(JSONOutput.object(members).text)
    } else if table.rows.isEmpty {
        await call.console.note("Nothing like that has been delivered.")
    } else {
        try await call.console.print(table)
        if next != nil { await call.console.note("There are more; see them with --limit.") }
    }
}

extension Deliveries.Delivery {
    fileprivate var output: JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("object", .string(object)), ("partition_id", .string(partitionId)),
            ("first_sequence_number", .string(String(firstSequenceNumber.value))),
            ("last_sequence_number", .string(String(lastSequenceNumber.value))), ("records", .integer(records)),
        ]
        if let bytes { members.append(("bytes", .integer(bytes))) }
        if let checksum { members.append(("checksum", .string(checksum))) }
        if let deliveredAt { members.append(("delivered_at", .integer(Int(deliveredAt)))) }
        if let destination { members.append(("destination", .string(destination))) }
        return .object(members)
    }
}

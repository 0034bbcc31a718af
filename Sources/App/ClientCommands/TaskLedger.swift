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
    let limit = try call.integer("limit", in: 1...Int.max) ?? 1000
    var table = TextTable([
        .init("OBJECT", isFlexible: true), .init("PARTITION"), .init("FIRST", .right), .init("LAST", .right),
        .init("RECORDS", .right), .init("SIZE", .right), .init("CHECKSUM"), .init("DELIVERED"),
    ])
    var lines: [JSONOutput] = []
    var next: String?
    repeat {
        let page = try await service.deliveries(call.required("stream"), call.required("task"), filter, after: next)
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
        return .object(members)
    }
}

/// What the ledger says about one partition: which numbers objects cover, and whether their counts add up.
struct LedgerCoverage: Sendable {
    private(set) var objects = 0
    private(set) var records = 0
    private(set) var first = Int64.max
    private(set) var last = Int64.min

    mutating func add(first: Int64, last: Int64, records: Int) {
        objects += 1
        self.records += records
        self.first = min(self.first, first)
        self.last = max(self.last, last)
    }

    /// Numbers between the first and the last delivered one.
    var span: Int { objects == 0 ? 0 : Int(last - first + 1) }
    /// Delivered too often when positive, not accounted for when negative. Objects of one delivery may interleave, so
    /// counts are compared and not ranges.
    var surplus: Int { records - span }
}

let verifyTask = Command(
    "verify",
    abstract: "Check a task's ledger: every record between the first and the last delivered is in one object.",
    discussion: """
        Adds up what each object holds, partition by partition, and compares it with the numbers delivered. Records that \
        are parked or discarded are counted apart. The objects themselves are not read.
        """,
    parameters: [streamOfTask, taskArgument, .output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let stream = try call.required("stream")
    let name = try call.required("task")
    let task: TaskAnswer = try await service.get(service.tasksPath(stream, name))
    var coverage: [String: LedgerCoverage] = [:]
    var next: String?
    repeat {
        let page = try await service.deliveries(stream, name, [("limit", "1000")], after: next)
        for delivery in page.deliveries {
            coverage[delivery.partitionId, default: LedgerCoverage()].add(
                first: delivery.firstSequenceNumber.value, last: delivery.lastSequenceNumber.value,
                records: delivery.records)
        }
        next = page.deliveries.isEmpty || page.next == next ? nil : page.next
    } while next != nil
    let parked = try await parkedCounts(service, stream, name)
    var table = TextTable([
        .init("PARTITION"), .init("OBJECTS", .right), .init("FIRST", .right), .init("LAST", .right),
        .init("RECORDS", .right), .init("PARKED", .right), .init("DISCARDED", .right), .init("MISSING", .right),
        .init("DOUBLE", .right),
    ])
    var lines: [JSONOutput] = []
    var wrong = 0
    for (partition, ledger) in coverage.sorted(by: { $0.key < $1.key }) {
        let discarded = Int(task.partitions?.first { $0.partitionId == partition }?.discard ?? 0)
        let setAside = parked[partition, default: 0]
        let missing = max(0, -ledger.surplus - setAside - discarded)
        let doubled = max(0, ledger.surplus)
        wrong += missing + doubled
        let counts = [ledger.records, setAside, discarded, missing, doubled]
        table.append(
            [partition, HumanText.count(ledger.objects), String(ledger.first), String(ledger.last)]
                + counts.map(HumanText.count))
        lines.append(
            .object([
                ("partition_id", .string(partition)), ("objects", .integer(ledger.objects)),
                ("records", .integer(ledger.records)), ("parked", .integer(setAside)),
                ("discarded", .integer(discarded)), ("missing", .integer(missing)), ("double", .integer(doubled)),
            ]))
    }
    if call.isForPrograms {
        let report = JSONOutput.object([("verified", .boolean(wrong == 0)), ("partitions", .array(lines))])
        try await call.console.print(report.text)
    } else if table.rows.isEmpty {
        await call.console.note("The task has delivered nothing yet.")
    } else {
        try await call.console.print(table)
    }
    if wrong > 0 { throw CommandError("\(HumanText.count(wrong)) records are missing or delivered twice.") }
}

/// How many records of each partition are parked.
private func parkedCounts(_ service: ServiceClient, _ stream: String, _ task: String) async throws -> [String: Int] {
    struct Page: Decodable {
        struct Parked: Decodable {
            var partitionId: String
        }
        var parkedRecords: [Parked]
        var next: String?
    }
    var counts: [String: Int] = [:]
    var next: String?
    repeat {
        let query = [("limit", "1000")] + (next.map { [("next", $0)] } ?? [])
        let page: Page
        do {
            page = try await service.get(service.tasksPath(stream, task, "parked-records"), query: query)
        } catch let error as CommandError where error.status == 404 {
            // A server without parked records has none.
            return [:]
        }
        for record in page.parkedRecords { counts[record.partitionId, default: 0] += 1 }
        next = page.parkedRecords.isEmpty || page.next == next ? nil : page.next
    } while next != nil
    return counts
}

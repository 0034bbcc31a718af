internal import SluiceCore
internal import Terminal

/// Findings shown to a person; the others are counted.
private let linesMax = 50

let verifyTask = Command(
    "verify",
    abstract: "Prove that every record of a task is in one object, as it was delivered.",
    discussion: """
        The server reads every object again and compares length and checksum with the ledger and, while the stream still \
        has the records, their content with what those records make. Here every number from the task's start to its \
        position must be in exactly one object, parked, or counted as discarded; what is delivered meanwhile is left \
        out. An object with the task's name on it that is newer than the task must be in the ledger. Exit status 1 when anything is missing, altered or double.
        """,
    parameters: [
        streamOfTask, taskArgument, .option("partition", value: "partition", help: "Only this partition."),
        .flag("ledger-only", help: "Do not look into the bucket for objects that the ledger does not know."), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let stream = try call.required("stream")
    let name = try call.required("task")
    let partition = try call.value("partition").map { text in
        guard let number = PartitionNumber(parsing: text) else {
            throw CommandError.usage("'\(text)' is no partition.")
        }
        return number.description
    }
    var (report, task) = try await scope(service, stream, name, partition)
    let bar = ProgressBar(total: partition == nil ? task.deliveredBytes : nil, on: call.console)
    var next: String?
    repeat {
        let page = try await service.verification(stream, name, partition: partition, after: next)
        for entry in page.verifications {
            report.add(entry)
            await bar.advance(by: entry.bytes)
        }
        next = page.next == next ? nil : page.next
    } while next != nil && !report.isAbandoned
    await bar.finish()
    if !call.flag("ledger-only"), !report.isAbandoned {
        try await lookForStrangers(in: &report, call, service, stream, name, partition)
    }
    report.conclude(
        stillParked: task.mayHaveParked ? try await service.parkedNumbers(stream, name, partition: partition) : [:])
    try await nameDoubles(in: &report, service, stream, name)
    try await present(report, call)
}

/// Asks for objects that are named as the task's and that its ledger does not know.
private func lookForStrangers(
    in report: inout VerificationReport, _ call: CommandCall, _ service: ServiceClient, _ stream: String,
    _ name: String, _ partition: String?
) async throws {
    var next: String?
    repeat {
        let page = try await service.verification(stream, name, partition: partition, strangers: true, after: next)
        for stranger in page.strangers ?? [] { report.add(stranger) }
        if let message = page.message {
            await call.console.note("Objects that the ledger does not know were not looked for: \(message).")
        }
        next = page.strangers == nil || page.next == next ? nil : page.next
    } while next != nil
}

/// Asks which objects hold the numbers that came more than once.
private func nameDoubles(
    in report: inout VerificationReport, _ service: ServiceClient, _ stream: String, _ name: String
) async throws {
    let questionsMax = 10
    for (index, finding) in report.doubles.prefix(questionsMax) {
        guard let number = finding.numbers?.lowerBound else { continue }
        let filter = [("partition_id", finding.partition), ("sequence_number", String(number))]
        let page = try await service.deliveries(stream, name, filter, after: nil)
        report.name(page.deliveries.map(\.object), at: index)
    }
}

/// What there is to prove, as it is before the first object is read.
private func scope(
    _ service: ServiceClient, _ stream: String, _ name: String, _ partition: String?
) async throws -> (VerificationReport, TaskAnswer) {
    let path = service.tasksPath(stream, name)
    var task: TaskAnswer = try await service.get(path)
    var parked: [String: [Int64]] = [:]
    if task.mayHaveParked {
        // A record may be parked, replayed or given up at any moment: asked for before and after the positions, each is
        // seen as parked or counted in them.
        let before = try await service.parkedNumbers(stream, name, partition: partition)
        task = try await service.get(path)
        let after = try await service.parkedNumbers(stream, name, partition: partition)
        parked = before.merging(after) { Set($0).union($1).sorted() }
    }
    var scopes: [String: VerificationReport.Scope] = [:]
    for each in task.partitions ?? [] where partition.map({ $0 == each.partitionId }) ?? true {
        scopes[each.partitionId] = VerificationReport.Scope(
            start: each.startSequenceNumber?.value, next: each.nextSequenceNumber?.value,
            discarded: each.discard ?? 0, parked: parked[each.partitionId] ?? [])
    }
    guard partition == nil || !scopes.isEmpty else { throw CommandError("The task has no such partition.") }
    return (VerificationReport(scopes), task)
}

private func present(_ report: VerificationReport, _ call: CommandCall) async throws {
    if call.isForPrograms {
        try await call.console.print(report.output.text)
    } else if report.objects == 0, report.isRight {
        await call.console.note("The task has delivered nothing yet.")
    } else {
        try await call.console.print(report.table)
        try await call.console.write("\n")
        for finding in report.findings.prefix(linesMax) { try await call.console.print(finding.line) }
        let rest = report.findingCount - min(linesMax, report.findings.count)
        if rest > 0 { try await call.console.print("… and \(HumanText.count(rest)) more.") }
        if report.isRight { try await call.console.print(report.sentence) }
    }
    guard report.isRight else { throw CommandError(report.sentence) }
}

extension TaskAnswer {
    /// Whether it is worth asking for parked records: they are sorted out only where there are some.
    fileprivate var mayHaveParked: Bool { (parked ?? 0) > 0 }
}

internal import HTTPTypes
internal import Terminal

private let places: [Parameter] = [
    .argument("app", help: "The app's name."),
    .argument("stream", help: "The stream's name."),
]

let checkpointCommand = Command(
    "checkpoint", abstract: "Work with checkpoints, the positions that apps keep in streams.",
    subcommands: [commitCheckpoint, showCheckpoint, deleteCheckpoint])

private let commitCheckpoint = Command(
    "commit", abstract: "Set an app's checkpoint in a partition.",
    parameters: places + [
        .argument("partition", help: "The partition, as 0 or shardId-0000000000."),
        .argument("sequence-number", help: "The number of the last record read."),
        .option("metadata", value: "text", help: "A note of up to 1000 characters kept with it."), .output,
    ] + Connection.parameters
) { call in
    let number = try call.integer("sequence-number", in: -1...Int.max) ?? 0
    var members: [(String, JSONOutput)] = [
        ("app_name", .string(try call.required("app"))), ("stream_name", .string(try call.required("stream"))),
        ("partition_id", .string(try call.required("partition"))), ("sequence_number", .string(String(number))),
        ("checkpoint_type", .string("LAST_READ")),
    ]
    if let metadata = call.value("metadata") { members.append(("metadata", .string(metadata))) }
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("POST", ["v2", service.project, "checkpoints"], json: .object(members))
    try await call.printDone("The checkpoint is at \(number).")
}

/// The query that names checkpoints of an app in a stream.
private func checkpointQuery(_ call: CommandCall) throws -> [(String, String)] {
    var query = [
        ("app_name", try call.required("app")), ("stream_name", try call.required("stream")),
        ("checkpoint_type", "LAST_READ"),
    ]
    if let partition = call.value("partition") { query.append(("partition_id", partition)) }
    return query
}

private let showCheckpoint = Command(
    "show", abstract: "Show an app's checkpoint in a partition.",
    parameters: places + [.argument("partition", help: "The partition, as 0 or shardId-0000000000."), .output]
        + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let query = try checkpointQuery(call)
    let response = try await service.send("GET", ["v2", service.project, "checkpoints"], query: query)
    if call.isForPrograms { return try await call.printAnswer(response.body) }
    let answer: CheckpointAnswer = try service.decode(response)
    var fields = FieldList()
    fields.append("Sequence number", answer.sequenceNumber == "-1" ? "none" : answer.sequenceNumber)
    fields.append("Metadata", answer.metadata)
    try await call.console.write(fields.text)
}

private let deleteCheckpoint = Command(
    "delete", abstract: "Delete an app's checkpoints in a stream.",
    parameters: places + [
        .option("partition", value: "partition", help: "Only this partition's, otherwise all."), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    _ = try await service.send(
        "DELETE", ["v2", service.project, "checkpoints"], query: try checkpointQuery(call))
    try await call.printDone("The checkpoints are deleted.")
}

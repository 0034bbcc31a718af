internal import HTTPTypes
internal import SluiceCore
internal import Terminal

private let streamArgument = Parameter.argument("stream", help: "The stream's name.")

let streamCommand = Command(
    "stream", abstract: "Work with streams.",
    subcommands: [createStream, listStreams, showStream, scaleStream, updateStream, deleteStream])

private let schemaOptions: [Parameter] = [
    .option("retention", value: "hours", help: "How long records are kept, 24 to 168 hours."),
    .option("data-type", value: "type", help: "What records hold.", completion: .values(["BLOB", "JSON", "CSV"])),
    .option("schema-file", value: "file", help: "The records' Avro schema.", completion: .file),
    .option("auto-scale", value: "min:max", help: "Scale between these counts by load; 'off' switches it off."),
]

/// The members that create and update share.
private func schemaMembers(_ call: CommandCall) async throws -> [(String, JSONOutput)] {
    var members: [(String, JSONOutput)] = []
    if let hours = try call.integer("retention", in: 1...8760) { members.append(("data_duration", .integer(hours))) }
    if let type = call.value("data-type") { members.append(("data_type", .string(type))) }
    if let path = call.value("schema-file") {
        let bytes = try await InputFile.open(path).source.readAll(bytesMax: 1 << 20)
        members.append(("data_schema", .string(String(decoding: bytes, as: UTF8.self))))
    }
    switch call.value("auto-scale") {
    case nil: break
    case "off": members.append(("auto_scale_enabled", .boolean(false)))
    case let text?:
        let parts = text.split(separator: ":").map { Int($0) }
        guard parts.count == 2, let least = parts[0], let most = parts[1], least >= 1, most >= least else {
            throw CommandError.usage("The value '\(text)' of 'auto-scale' is neither 'off' nor like 1:4.")
        }
        members += [
            ("auto_scale_enabled", .boolean(true)), ("auto_scale_min_partition_count", .integer(least)),
            ("auto_scale_max_partition_count", .integer(most)),
        ]
    }
    return members
}

private let createStream = Command(
    "create", abstract: "Create a stream.",
    discussion: "It takes records as soon as the command is done.",
    parameters: [
        streamArgument,
        .option("partitions", short: "p", value: "count", help: "How many partitions.", default: "1"),
        .option("type", value: "type", help: "Throughput class.", completion: .values(["COMMON", "ADVANCED"])),
    ] + schemaOptions + [
        .option("tag", value: "key=value", help: "A tag.", isRepeating: true),
        .output,
    ] + Connection.parameters
) { call in
    let name = try call.required("stream")
    var members: [(String, JSONOutput)] = [("stream_name", .string(name))]
    let partitions = try call.integer("partitions", in: 1...100_000) ?? 1
    members.append(("partition_count", .integer(partitions)))
    if let type = call.value("type") { members.append(("stream_type", .string(type))) }
    members += try await schemaMembers(call)
    let tags = call.allValues("tag").map { text -> JSONOutput in
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return .object([
            ("key", .string(String(parts[0]))), ("value", .string(parts.count == 2 ? String(parts[1]) : "")),
        ])
    }
    if !tags.isEmpty { members.append(("tags", .array(tags))) }
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("POST", ["v2", service.project, "streams"], json: .object(members))
    try await call.printDone("Stream '\(name)' has \(partitions) partition\(partitions == 1 ? "" : "s").")
}

private let listStreams = Command(
    "list", abstract: "List the streams of the project.", parameters: [.output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    var table = TextTable([
        .init("NAME", isFlexible: true), .init("STATUS"), .init("TYPE"), .init("DATA"), .init("PARTITIONS", .right),
        .init("RETENTION", .right), .init("CREATED"),
    ])
    var answers: [JSONValue] = []
    var after: String?
    // Ends: every page that promises another has to bring a later name.
    while true {
        let query = [("limit", "100")] + (after.map { [("start_stream_name", $0)] } ?? [])
        let response = try await service.send("GET", ["v2", service.project, "streams"], query: query)
        let page: StreamList = try service.decode(response)
        for stream in page.streamInfoList ?? [] {
            table.append([
                stream.streamName, stream.status ?? "", stream.streamType ?? "", stream.dataType ?? "",
                stream.partitionCount.map(String.init) ?? "", stream.retentionPeriod.map { "\($0) h" } ?? "",
                timeText(stream.createTime),
            ])
        }
        if call.isForPrograms {
            let value: JSONValue = try service.decode(response)
            answers += value["stream_info_list"]?.array ?? []
        }
        guard page.hasMoreStreams, let last = page.streamNames.last, after.map({ last > $0 }) ?? true else { break }
        after = last
    }
    if call.isForPrograms {
        try await call.console.print(JSONOutput.object([("streams", .verbatim(JSONValue.array(answers).text()))]).text)
    } else if table.rows.isEmpty {
        await call.console.note("There are no streams. Create one with 'sluice stream create NAME'.")
    } else {
        try await call.console.print(table)
    }
}

extension ServiceClient {
    /// The stream with all its partitions, page by page.
    func stream(_ name: String) async throws -> StreamAnswer {
        var stream: StreamAnswer = try await get(
            ["v2", project, "streams", name], query: [("limit_partitions", "1000")])
        // Ends: every further page has to bring partitions.
        while stream.hasMorePartitions == true, let last = stream.partitions.last {
            let query = [("limit_partitions", "1000"), ("start_partitionId", last.partitionId)]
            let page: StreamAnswer = try await get(["v2", project, "streams", name], query: query)
            guard !page.partitions.isEmpty else { break }
            stream.partitions += page.partitions
            stream.hasMorePartitions = page.hasMorePartitions
        }
        return stream
    }
}

private let showStream = Command(
    "show", abstract: "Show a stream and its partitions.",
    parameters: [streamArgument, .output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let name = try call.required("stream")
    if call.isForPrograms {
        let query = [("limit_partitions", "1000")]
        let response = try await service.send("GET", ["v2", service.project, "streams", name], query: query)
        return try await call.printAnswer(response.body)
    }
    let stream = try await service.stream(name)
    var fields = FieldList()
    fields.append("Name", stream.streamName)
    fields.append("Id", stream.streamId)
    fields.append("Status", stream.status)
    fields.append("Type", stream.streamType)
    fields.append("Data type", stream.dataType)
    fields.append("Retention", stream.retentionPeriod.map { "\($0) h" })
    fields.append("Created", timeText(stream.createTime))
    fields.append("Modified", timeText(stream.lastModifiedTime))
    if stream.autoScaleEnabled == true {
        fields.append(
            "Auto scaling",
            "\(stream.autoScaleMinPartitionCount ?? 1) to \(stream.autoScaleMaxPartitionCount ?? 1) partitions")
    }
    fields.append("Tags", (stream.tags ?? []).map { "\($0.key)=\($0.value ?? "")" }.joined(separator: ", "))
    fields.append("Schema", stream.dataSchema)
    var table = TextTable([
        .init("PARTITION"), .init("STATUS"), .init("EARLIEST", .right), .init("NEXT", .right), .init("RECORDS", .right),
        .init("HASH RANGE", isFlexible: true), .init("PARENTS", isFlexible: true),
    ])
    for partition in stream.partitions {
        let range = partition.range
        table.append([
            partition.partitionId, partition.status ?? "", range.map { String($0.earliest) } ?? "",
            range.map { String($0.next) } ?? "", range.map { HumanText.count(Int($0.next - $0.earliest)) } ?? "",
            partition.hashRange ?? "", partition.parentPartitions ?? "",
        ])
    }
    try await call.console.write(fields.text + "\n")
    try await call.console.print(table)
}

private let scaleStream = Command(
    "scale", abstract: "Change how many partitions take records.",
    discussion: "Partitions that are closed stay readable until their records expire. Records are not moved.",
    parameters: [streamArgument, .argument("partitions", help: "How many there shall be."), .output]
        + Connection.parameters
) { call in
    let name = try call.required("stream")
    let count = try call.integer("partitions", in: 1...100_000) ?? 1
    let service = try await ServiceClient.connect(call)
    let body = JSONOutput.object([("stream_name", .string(name)), ("target_partition_count", .integer(count))])
    let response = try await service.send("PUT", ["v2", service.project, "streams", name], json: body)
    if call.isForPrograms { return try await call.printAnswer(response.body) }
    try await call.console.print("Stream '\(name)' has \(count) writable partition\(count == 1 ? "" : "s").")
}

private let updateStream = Command(
    "update", abstract: "Change a stream's settings.", discussion: "Only what is named changes.",
    parameters: [streamArgument] + schemaOptions + [.output] + Connection.parameters
) { call in
    let name = try call.required("stream")
    let members = try await schemaMembers(call)
    guard !members.isEmpty else {
        throw CommandError.usage("Nothing to change is named.", hint: "See 'sluice stream update --help'.")
    }
    let service = try await ServiceClient.connect(call)
    let body = JSONOutput.object([("stream_name", .string(name))] + members)
    let response = try await service.send("PUT", ["v3", service.project, "streams", name], json: body)
    if call.isForPrograms { return try await call.printAnswer(response.body) }
    try await call.console.print("Stream '\(name)' is updated.")
}

private let deleteStream = Command(
    "delete", abstract: "Delete a stream with its records, checkpoints and tasks.",
    discussion: "What its tasks have delivered stays where it is.",
    parameters: [streamArgument, .output] + Connection.parameters
) { call in
    let name = try call.required("stream")
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("DELETE", ["v2", service.project, "streams", name])
    try await call.printDone("Stream '\(name)' is deleted.")
}

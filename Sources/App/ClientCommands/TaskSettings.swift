internal import SluiceCore
internal import Terminal

private let settings: [Parameter] = [
    .option("prefix", value: "prefix", help: "What object names begin with, up to 50 of letters, digits, '_' and '/'."),
    .option(
        "partition-format", value: "format", help: "Folders by time.",
        completion: .values(["yyyy", "yyyy/MM", "yyyy/MM/dd", "yyyy/MM/dd/HH", "yyyy/MM/dd/HH/mm"])),
    .option(
        "interval", value: "seconds",
        help: "Deliver at the latest after so long, 30 to 900 unless the server allows less."),
    .option("size", value: "megabytes", help: "Deliver at the latest after so much, 1 to 300."),
    .option(
        "format", value: "format", help: "How objects hold records.", completion: .values(["text", "csv", "parquet"])),
    .option(
        "delimiter", value: "text", help: #"What ends a record in text: ',', ';', '|', '\n', or 'NULL' for nothing."#),
    .option(
        "compression", value: "format",
        help: "Compress objects: gzip text, and the pages of Parquet with snappy or zstd.",
        completion: .values(["none", "gzip", "snappy", "zstd"])),
    .option("time-member", value: "member", help: "The JSON member whose time chooses the folder."),
    .option(
        "time-type", value: "type", help: "What that member holds.", completion: .values(["String", "Timestamp"])),
    .option("time-format", value: "format", help: "How it is written, for example 'yyyy-MM-dd HH:mm:ss'."),
    .option("agency", value: "agency", help: "The agency, by which the server chooses the store's credentials."),
]

private let bucket = Parameter.option(
    "bucket", short: "b", value: "bucket", help: "Where objects go.", isRequired: true)

let createOBSTask = Command(
    "obs", abstract: "Deliver a stream to a bucket, each record in exactly one object.",
    parameters: [
        streamOfTask, .argument("task", help: "A name, unique in the stream."), bucket,
        .option(
            "from", value: "place", help: "Begin with the oldest record or with those that come.", default: "latest",
            completion: .values(["earliest", "latest"])),
    ] + settings + [.output] + Connection.parameters
) { call in
    let stream = try call.required("stream")
    let name = try call.required("task")
    var members = try settingMembers(call)
    members["task_name"] = .string(name)
    members["obs_bucket_path"] = .string(try call.required("bucket"))
    members["consumer_strategy"] = .string(call.value("from") == "earliest" ? "TRIM_HORIZON" : "LATEST")
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("POST", service.tasksPath(stream), json: try taskBody(members))
    try await call.printDone("Task '\(name)' delivers '\(stream)' to '\(try call.required("bucket"))'.")
}

let updateTask = Command(
    "update", abstract: "Change a task's settings.",
    discussion: "Only what is named changes; the task goes on from where it is.",
    parameters: [
        streamOfTask, taskArgument, .option("bucket", short: "b", value: "bucket", help: "Where objects go."),
    ] + settings + [.output] + Connection.parameters
) { call in
    var changes = try settingMembers(call)
    if let bucket = call.value("bucket") { changes["obs_bucket_path"] = .string(bucket) }
    guard !changes.isEmpty else {
        throw CommandError.usage("Nothing to change is named.", hint: "See 'sluice task update --help'.")
    }
    let service = try await ServiceClient.connect(call)
    let stream = try call.required("stream")
    let name = try call.required("task")
    // The service wants all parameters again.
    let task: TaskAnswer = try await service.get(service.tasksPath(stream, name))
    guard case .object(var members)? = task.obsDestinationDescription else {
        throw CommandError(
            "Task '\(name)' delivers to \(task.destinationType ?? "another kind of store"), not to OBS.")
    }
    members.merge(changes) { $1 }
    members["task_name"] = .string(task.taskName)
    _ = try await service.send("PUT", service.tasksPath(stream), json: try taskBody(members))
    try await call.printDone("Task '\(name)' is updated.")
}

private func taskBody(_ members: [String: JSONValue]) throws -> JSONOutput {
    .object([
        ("destination_type", .string("OBS")),
        ("obs_destination_descriptor", .verbatim(try JSONValue.object(members).text())),
    ])
}

/// The members of a destination descriptor (spec sections 4.2 and 4.3.1) that the options name.
private func settingMembers(_ call: CommandCall) throws -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    let texts = [
        ("prefix", "file_prefix"), ("partition-format", "partition_format"), ("format", "destination_file_type"),
        ("delimiter", "record_delimiter"), ("compression", "compression_format"), ("agency", "agency_name"),
    ]
    for (option, member) in texts {
        if let value = call.value(option) { members[member] = .string(value) }
    }
    if let seconds = try call.integer("interval", in: 1...900) {
        members["deliver_time_interval"] = .integer(Int64(seconds))
    }
    if let size = try call.integer("size", in: 1...300) { members["deliver_size_interval"] = .integer(Int64(size)) }
    if let member = call.value("time-member") {
        var schema: [String: JSONValue] = [
            "timestamp_name": .string(member), "timestamp_type": .string(call.value("time-type") ?? "String"),
        ]
        if let format = call.value("time-format") { schema["timestamp_format"] = .string(format) }
        members["processing_schema"] = .object(schema)
    } else if call.value("time-type") != nil || call.value("time-format") != nil {
        throw CommandError.usage("--time-type and --time-format need --time-member.")
    }
    return members
}

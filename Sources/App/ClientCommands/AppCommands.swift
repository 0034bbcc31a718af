internal import HTTPTypes
internal import SluiceCore
internal import Terminal

private let appArgument = Parameter.argument("app", help: "The app's name.")

let appCommand = Command(
    "app", abstract: "Work with apps, the names under which readers keep their checkpoints.",
    subcommands: [createApp, listApps, showApp, appState, deleteApp])

private let createApp = Command(
    "create", abstract: "Create an app.", parameters: [appArgument, .output] + Connection.parameters
) { call in
    let name = try call.required("app")
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("POST", ["v2", service.project, "apps"], json: .object([("app_name", .string(name))]))
    try await call.printDone("App '\(name)' is created.")
}

private let listApps = Command(
    "list", abstract: "List the apps of the project.",
    parameters: [
        .option("stream", value: "stream", help: "Only apps with checkpoints in this stream."), .output,
    ] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    var table = TextTable([.init("NAME", isFlexible: true), .init("CREATED"), .init("STREAMS", isFlexible: true)])
    var answers: [JSONValue] = []
    var after: String?
    // Ends: every page that promises another has to bring a later name.
    while true {
        var query = [("limit", "100")]
        if let after { query.append(("start_app_name", after)) }
        if let stream = call.value("stream") { query.append(("stream_name", stream)) }
        let response = try await service.send("GET", ["v2", service.project, "apps"], query: query)
        let page: AppList = try service.decode(response)
        for app in page.apps {
            let streams = (app.commitCheckpointStreamNames ?? []).joined(separator: ", ")
            table.append([app.appName, timeText(app.createTime), streams])
        }
        if call.isForPrograms {
            let value: JSONValue = try service.decode(response)
            answers += value["apps"]?.array ?? []
        }
        guard page.hasMoreApp, let last = page.apps.last?.appName, after.map({ last > $0 }) ?? true else { break }
        after = last
    }
    if call.isForPrograms {
        try await call.console.print(JSONOutput.object([("apps", .verbatim(JSONValue.array(answers).text()))]).text)
    } else if table.rows.isEmpty {
        await call.console.note("There are no apps. Create one with 'sluice app create NAME'.")
    } else {
        try await call.console.print(table)
    }
}

private let showApp = Command(
    "show", abstract: "Show an app.", parameters: [appArgument, .output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let response = try await service.send("GET", ["v2", service.project, "apps", call.required("app")])
    if call.isForPrograms { return try await call.printAnswer(response.body) }
    let app: AppSummary = try service.decode(response)
    var fields = FieldList()
    fields.append("Name", app.appName)
    fields.append("Id", app.appId)
    fields.append("Created", timeText(app.createTime))
    fields.append("Streams", (app.commitCheckpointStreamNames ?? []).joined(separator: ", "))
    try await call.console.write(fields.text)
}

private let deleteApp = Command(
    "delete", abstract: "Delete an app with its checkpoints.",
    parameters: [appArgument, .output] + Connection.parameters
) { call in
    let name = try call.required("app")
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("DELETE", ["v2", service.project, "apps", name])
    try await call.printDone("App '\(name)' is deleted.")
}

private let appState = Command(
    "state", abstract: "Show how far an app has come in a stream.",
    parameters: [appArgument, .argument("stream", help: "The stream's name."), .output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let path = try ["v2", service.project, "apps", call.required("app"), "streams", call.required("stream")]
    var table = TextTable([
        .init("PARTITION"), .init("STATUS"), .init("CHECKPOINT", .right), .init("EARLIEST", .right),
        .init("NEXT", .right), .init("BEHIND", .right),
    ])
    var answers: [JSONValue] = []
    var start: Int?
    // Ends: every further page begins behind the last partition of the one before.
    while true {
        var query = [("checkpoint_type", "LAST_READ"), ("limit", "1000")]
        if let start { query.append(("start_partition_id", String(start))) }
        let response = try await service.send("GET", path, query: query)
        let page: ConsumerState = try service.decode(response)
        for state in page.partitionConsumingStates {
            let checkpoint = Int64(state.sequenceNumber) ?? -1
            let behind = state.latestOffset.map { max(0, $0 - max(checkpoint + 1, state.earliestOffset ?? 0)) }
            table.append([
                state.partitionId, state.status ?? "", checkpoint < 0 ? "none" : state.sequenceNumber,
                state.earliestOffset.map(String.init) ?? "", state.latestOffset.map(String.init) ?? "",
                behind.map { HumanText.count(Int($0)) } ?? "",
            ])
        }
        if call.isForPrograms {
            let value: JSONValue = try service.decode(response)
            answers += value["partition_consuming_states"]?.array ?? []
        }
        guard page.hasMore == true, let last = page.partitionConsumingStates.last,
            let number = PartitionNumber(parsing: last.partitionId)?.value, number >= start ?? 0
        else { break }
        start = number + 1
    }
    if call.isForPrograms {
        let states = JSONOutput.verbatim(try JSONValue.array(answers).text())
        try await call.console.print(JSONOutput.object([("partition_consuming_states", states)]).text)
    } else {
        try await call.console.print(table)
    }
}

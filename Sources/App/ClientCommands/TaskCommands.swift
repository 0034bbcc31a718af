internal import HTTPTypes
internal import SluiceCore
internal import Terminal

let streamOfTask = Parameter.argument("stream", help: "The stream's name.")
let taskArgument = Parameter.argument("task", help: "The task's name.")

let taskCommand = Command(
    "task", abstract: "Work with transfer tasks, which deliver streams to other stores.",
    subcommands: [
        Command("create", abstract: "Create a task.", subcommands: [createOBSTask]), listTasks, showTask, startTasks,
        stopTasks, updateTask, deleteTask, watchTask, listDeliveries, verifyTask,
        parkedCommand,
    ])

extension ServiceClient {
    func tasksPath(_ stream: String, _ rest: String...) -> [String] {
        ["v2", project, "streams", stream, "transfer-tasks"] + rest
    }
}

private let listTasks = Command(
    "list", abstract: "List a stream's tasks.", parameters: [streamOfTask, .output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let stream = try call.required("stream")
    let response = try await service.send("GET", service.tasksPath(stream))
    if call.isForPrograms { return try await call.printAnswer(response.body) }
    let list: TaskList = try service.decode(response)
    var table = TextTable([
        .init("NAME", isFlexible: true), .init("STATE"), .init("TO"), .init("CREATED"), .init("LAST DELIVERY"),
        .init("ID"),
    ])
    for task in list.tasks {
        table.append([
            task.taskName, task.state ?? "", task.destinationType ?? "", timeText(task.createTime),
            timeText(task.lastTransferTimestamp), task.taskId ?? "",
        ])
    }
    if table.rows.isEmpty {
        await call.console.note(
            "The stream has no tasks. Create one with 'sluice task create obs \(stream) NAME --bucket BUCKET'.")
    } else {
        try await call.console.print(table)
    }
}

private let showTask = Command(
    "show", abstract: "Show a task, its settings and how far each partition has come.",
    parameters: [streamOfTask, taskArgument, .output] + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let response = try await service.send("GET", service.tasksPath(call.required("stream"), call.required("task")))
    if call.isForPrograms { return try await call.printAnswer(response.body) }
    let task: TaskAnswer = try service.decode(response)
    var fields = FieldList()
    fields.append("Name", task.taskName)
    fields.append("Id", task.taskId)
    fields.append("State", task.state)
    fields.append("Reason", task.reason)
    fields.append("To", task.destinationType)
    fields.append("Created", timeText(task.createTime))
    fields.append("Last delivery", timeText(task.lastTransferTimestamp))
    if case .object(let members)? = task.obsDestinationDescription {
        for name in members.keys.sorted() where name != "task_name" {
            fields.append(name, try members[name].map { value in try value.string?.debugDescription ?? value.text() })
        }
    }
    try await call.console.write(fields.text)
    guard let partitions = task.partitions, !partitions.isEmpty else { return }
    var table = TextTable([
        .init("PARTITION"), .init("STATE"), .init("DELIVERED UP TO", .right), .init("LAG", .right),
        .init("PARKED", .right), .init("DISCARDED", .right), .init("LAST DELIVERY"),
    ])
    for partition in partitions {
        table.append([
            partition.partitionId, partition.state ?? "",
            partition.lastTransferOffset.map { $0 < 0 ? "none" : String($0) } ?? "none",
            partition.lag.map { HumanText.count($0.records) } ?? "", HumanText.count(partition.parked ?? 0),
            HumanText.count(Int(partition.discard ?? 0)), timeText(partition.lastTransferTimestamp),
        ])
    }
    try await call.console.write("\n")
    try await call.console.print(table)
}

private let manyTasks: [Parameter] = [
    streamOfTask,
    .argument("task", help: "Names or ids of tasks.", isOptional: true, isRepeating: true),
    .flag("all", help: "All tasks of the stream."),
    .output,
]

private let startTasks = Command(
    "start", abstract: "Start tasks; they go on where they stopped.", parameters: manyTasks + Connection.parameters
) { call in try await act("start", "started", call) }

private let stopTasks = Command(
    "stop", abstract: "Stop tasks; they keep their positions.", parameters: manyTasks + Connection.parameters
) { call in try await act("stop", "stopped", call) }

/// Starts or stops several tasks with one request: all or none.
private func act(_ action: String, _ done: String, _ call: CommandCall) async throws {
    let stream = try call.required("stream")
    var names = call.allValues("task")
    guard names.isEmpty == call.flag("all") else { throw CommandError.usage("Name tasks, or give --all.") }
    let service = try await ServiceClient.connect(call)
    if names.isEmpty {
        let list: TaskList = try await service.get(service.tasksPath(stream))
        names = list.tasks.map { $0.taskId ?? $0.taskName }
        guard !names.isEmpty else { throw CommandError("The stream has no tasks.") }
    }
    let tasks = names.map { JSONOutput.object([("id", .string($0))]) }
    let body = JSONOutput.object([("action", .string(action)), ("tasks", .array(tasks))])
    _ = try await service.send("POST", service.tasksPath(stream, "action"), json: body)
    try await call.printDone("\(names.count) task\(names.count == 1 ? " is" : "s are") \(done).")
}

private let deleteTask = Command(
    "delete", abstract: "Delete a task; what it has delivered stays.",
    parameters: [streamOfTask, taskArgument, .output] + Connection.parameters
) { call in
    let name = try call.required("task")
    let service = try await ServiceClient.connect(call)
    _ = try await service.send("DELETE", service.tasksPath(call.required("stream"), name))
    try await call.printDone("Task '\(name)' is deleted.")
}

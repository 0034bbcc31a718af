internal import Settings
internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import Terminal

/// `sluice log`: a look into the segments of a data directory, read-only, whether the server runs or not.
enum LogCommands {
    static let command = Command(
        "log", abstract: "Look into the record log of a local server.", subcommands: [inspect, verify])

    private static let place = Parameter.option(
        "data-dir", value: "dir", help: "The server's data directory.", completion: .directory)
    /// Batches of one segment that are listed when no other number is asked for.
    private static let batchesShown = 100

    private static func inspector(_ call: CommandCall) throws -> LogInspector {
        let arguments = call.value("data-dir").map { ["--data-dir", $0] } ?? []
        let settings = try Settings.load(arguments: arguments, environment: call.console.environment).settings
        return LogInspector(
            directory: DataDirectory(path: settings.dataDirectory).log, fileSystem: SystemFileSystem())
    }

    private static let inspect = Command(
        "inspect", abstract: "List segments, or the batches of one.",
        parameters: [
            .argument("segment", help: "The number of a segment.", isOptional: true),
            .option("limit", value: "count", help: "Batches listed at most.", default: "\(batchesShown)"), place,
            .output,
        ]
    ) { call in
        let inspector = try inspector(call)
        guard let number = try call.integer("segment", in: 0...Int.max) else {
            return try await show(call, try inspector.segments())
        }
        let limit = try call.integer("limit", in: 1...Int.max) ?? batchesShown
        try await show(call, try inspector.batches(of: UInt64(number), limit: limit))
    }

    private static let verify = Command(
        "verify", abstract: "Check every checksum, every number and every index.",
        discussion: "Ends with exit code 1 when anything is damaged, and names file and offset.",
        parameters: [place, .output]
    ) { call in
        let result = try inspector(call).verify()
        if call.isForPrograms {
            try await call.console.print(
                JSONOutput.object([
                    ("segments", .integer(result.segments)), ("batches", .integer(result.batches)),
                    ("records", .integer(result.records)), ("bytes", .integer(result.bytes.bytes)),
                    (
                        "findings",
                        .array(
                            result.findings.map { finding in
                                .object([
                                    ("path", .string(finding.path)), ("offset", .integer(finding.offset)),
                                    ("message", .string(finding.message)),
                                ])
                            })
                    ),
                ]).text)
        } else {
            for finding in result.findings { try await call.console.print("\(finding)") }
            try await call.console.print(
                "\(HumanText.count(result.records)) records in \(HumanText.count(result.batches)) batches, "
                    + "\(result.segments) segments, \(HumanText.bytes(result.bytes.bytes)): "
                    + (result.findings.isEmpty ? "all is well." : "\(result.findings.count) findings."))
        }
        guard result.findings.isEmpty else { throw CommandError("The log is damaged.") }
    }

    private static func show(_ call: CommandCall, _ segments: [LogInspector.Segment]) async throws {
        if call.isForPrograms {
            let rows = segments.map { segment in
                JSONOutput.object([
                    ("segment", .integer(Int(segment.number))), ("path", .string(segment.path)),
                    ("created", .integer(Int(segment.created.milliseconds))), ("bytes", .integer(segment.end)),
                    ("file_bytes", .integer(segment.fileSize.bytes)), ("batches", .integer(segment.batches)),
                    ("records", .integer(segment.records)), ("holes", .integer(segment.holes)),
                    ("sealed", .boolean(!segment.isNewest)), ("indexed", .boolean(segment.hasIndex)),
                ])
            }
            return try await call.console.print(JSONOutput.array(rows).text)
        }
        var table = TextTable([
            .init("segment", .right), .init("created"), .init("data", .right), .init("batches", .right),
            .init("records", .right), .init("holes", .right), .init("state"),
        ])
        for segment in segments {
            table.append([
                "\(segment.number)", HumanText.time(segment.created), HumanText.bytes(segment.end),
                HumanText.count(segment.batches), HumanText.count(segment.records), "\(segment.holes)",
                segment.isNewest ? "active" : segment.hasIndex ? "sealed" : "sealed, not indexed",
            ])
        }
        try await call.console.print(table)
    }

    private static func show(_ call: CommandCall, _ batches: [LogInspector.Batch]) async throws {
        if call.isForPrograms {
            return try await call.console.print(JSONOutput.array(batches.map(json)).text)
        }
        var table = TextTable([
            .init("offset", .right), .init("length", .right), .init("content", isFlexible: true),
        ])
        for batch in batches {
            let content =
                switch batch.content {
                case .records(let partition, let first, let count, _):
                    "\(partition.map { "\($0)" } ?? "a deleted partition"): \(count) records from \(first)"
                case .control(let name, let partitions): "\(name) of \(partitions) partitions"
                }
            table.append(["\(batch.offset)", "\(batch.length)", content])
        }
        try await call.console.print(table)
    }

    private static func json(_ batch: LogInspector.Batch) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("offset", .integer(batch.offset)), ("length", .integer(batch.length)),
            ("round", .integer(Int(batch.round))),
        ]
        switch batch.content {
        case .records(let partition, let first, let count, let timestamps):
            members += [
                ("stream_id", partition.map { .string($0.stream.text) } ?? .null),
                ("partition", partition.map { .integer($0.number.value) } ?? .null),
                ("first_sequence_number", .integer(Int(first.value))), ("records", .integer(count)),
                ("first_timestamp", .integer(Int(timestamps.lowerBound.milliseconds))),
                ("last_timestamp", .integer(Int(timestamps.upperBound.milliseconds))),
            ]
        case .control(let name, let partitions):
            members += [("control", .string(name)), ("partitions", .integer(partitions))]
        }
        return .object(members)
    }
}

internal import SluiceCore
internal import Terminal

let putRecords = Command(
    "put", abstract: "Put records into a stream.",
    discussion: """
        Every line of standard input, or of --file, is a record; --data gives records directly. A record is reported as \
        put once the service has it on disk.

        Up to 500 records or 4 MiB travel in a request, and several requests at once. Records of one partition are sure \
        to keep their order across requests only with --in-flight 1, which is the default with --key, --key-field and \
        --partition. A record that was refused for a moment and sent again comes after later ones of its request.
        """,
    parameters: [
        .argument("stream", help: "The stream's name."),
        .option("data", short: "d", value: "text", help: "A record.", isRepeating: true),
        .option("file", short: "f", value: "file", help: "Read this file; '-' is standard input.", completion: .file),
        .option("key", short: "k", value: "key", help: "The partition key of all records."),
        .option("partition", value: "partition", help: "The partition of all records, as 0 or shardId-0000000000."),
        .flag("ndjson", help: "Every line must be JSON; blank lines are passed over."),
        .option(
            "key-field", value: "member",
            help: "With --ndjson: the member that holds the partition key, text or number."),
        .option("in-flight", value: "count", help: "Requests at once, 1 to 64; 16 unless order is wanted."),
        .option("batch", value: "count", help: "Records per request, 1 to 500.", default: "500"),
        .option(
            "retries", value: "count", help: "How often a record that is refused for a moment is sent again.",
            default: "10"),
        .output,
    ] + Connection.parameters
) { call in
    let options = try PutOptions(call)
    let input = try options.openInput(call.console)
    let service = try await ServiceClient.connect(call)
    let putter = RecordPutter(service: service, retriesMax: options.retriesMax, keepsPositions: input == nil)
    let progress = ProgressBar(total: input?.size, on: call.console)
    var pipeline = PutPipeline(
        putter: putter, inFlightMax: options.inFlight, progress: input?.size == nil ? nil : progress,
        batcher: options.batcher)
    let started = call.console.time.elapsed()
    let (tally, failure) = await pipeline.run(options.data.map { Array($0.utf8) }, input?.source)
    await progress.finish()
    try await report(tally, failure, after: call.console.time.elapsed() - started, call)
}

/// The options of `record put`, checked.
private struct PutOptions {
    let data: [String]
    let inFlight: Int
    let retriesMax: Int
    let batcher: LineBatcher
    private let file: String?

    init(_ call: CommandCall) throws {
        data = call.allValues("data")
        file = call.value("file")
        let key = call.value("key")
        let keyField = call.value("key-field")
        let partition = call.value("partition")
        if !data.isEmpty, file != nil { throw CommandError.usage("--data and --file do not go together.") }
        if keyField != nil, !call.flag("ndjson") { throw CommandError.usage("--key-field needs --ndjson.") }
        if key != nil, keyField != nil { throw CommandError.usage("--key and --key-field do not go together.") }
        let isOrdered = key != nil || keyField != nil || partition != nil
        inFlight = try call.integer("in-flight", in: 1...64) ?? (isOrdered ? 1 : 16)
        retriesMax = try call.integer("retries", in: 0...1000) ?? 10
        batcher = LineBatcher(
            stream: try call.required("stream"), format: call.flag("ndjson") ? .json(keyField: keyField) : .lines,
            key: key,
            partition: partition,
            recordsMax: try call.integer("batch", in: 1...LineBatcher.recordsMax) ?? LineBatcher.recordsMax)
    }

    /// Nil when the records are given as options.
    func openInput(_ console: Console) throws -> InputFile? {
        guard data.isEmpty else { return nil }
        guard let file, file != "-" else {
            return InputFile(source: console.input, size: console.inputSize)
        }
        return try InputFile.open(file)
    }
}

private func report(
    _ tally: RecordPutter.Tally, _ failure: CommandError?, after elapsed: Duration, _ call: CommandCall
) async throws {
    if call.isForPrograms {
        var members: [(String, JSONOutput)] = [
            ("records", .integer(tally.records)), ("failed", .integer(tally.failed)), ("bytes", .integer(tally.bytes)),
            ("requests", .integer(tally.requests)), ("retried", .integer(tally.retried)),
            ("seconds", .double(elapsed.inSeconds)),
        ]
        if !tally.positions.isEmpty {
            let positions = tally.positions.map { position in
                JSONOutput.object([
                    ("partition_id", .string(position.partitionId ?? "")),
                    ("sequence_number", .string(position.sequenceNumber ?? "")),
                ])
            }
            members.append(("positions", .array(positions)))
        }
        if !tally.failures.isEmpty {
            let failures = tally.failures.map { failure in
                JSONOutput.object([
                    ("line", .integer(failure.line)), ("code", .string(failure.code)),
                    ("message", .string(failure.message)),
                ])
            }
            members.append(("failures", .array(failures)))
        }
        try await call.console.print(JSONOutput.object(members).text)
    } else {
        for position in tally.positions {
            try await call.console.print("\(position.partitionId ?? "") \(position.sequenceNumber ?? "")")
        }
        let count = "\(HumanText.count(tally.records)) record\(tally.records == 1 ? "" : "s")"
        let rate = HumanText.rate(tally.bytes, per: elapsed)
        await call.console.note(
            "Put \(count), \(HumanText.bytes(tally.bytes)), in \(HumanText.duration(elapsed))"
                + (tally.bytes > 0 && !rate.isEmpty ? " (\(rate))." : "."))
        for failure in tally.failures {
            await call.console.note("  line \(failure.line): \(failure.code): \(failure.message)")
        }
    }
    if let failure { throw failure }
    if tally.failed > 0 {
        throw CommandError(
            code: tally.failures.first?.code, "\(tally.failed) of \(tally.failed + tally.records) records were refused."
        )
    }
}

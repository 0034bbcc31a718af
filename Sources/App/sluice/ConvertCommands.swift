internal import SluiceCore
internal import SluiceFormats
internal import Terminal

/// `sluice convert`: what a transfer task would make of records, tried on a file before there is a task.
enum ConvertCommands {
    static let command = Command(
        "convert", abstract: "Convert records as a transfer task would.", subcommands: [parquet])

    /// A schema is longer than this only by mistake.
    private static let schemaBytesMax = 1 << 20

    private static let parquet = Command(
        "parquet", abstract: "Make a Parquet file of JSON records and an Avro schema.",
        discussion: """
            Every line of standard input, or of the file, is a record; blank lines are passed over. The columns are those \
            that a task with destination_file_type parquet gives its objects.

            A record that can not be converted is left out and reported with its line and what is wrong with it; the exit \
            code is 1 then, and the file holds all the others.
            """,
        parameters: [
            .argument(
                "file", help: "A record in each line; standard input without it.", isOptional: true, completion: .file),
            .option("schema", short: "s", value: "file", help: "The Avro schema.", completion: .file, isRequired: true),
            .option(
                "output", short: "o", value: "file", help: "The file to write.", completion: .file, isRequired: true),
            .option(
                "codec", value: "codec", help: "How pages are compressed.", default: "zstd",
                completion: .values(["zstd", "snappy", "none"])),
            .option("row-group", value: "MiB", help: "Raw size of a row group, 1 to 1024 MiB.", default: "32"),
        ]
    ) { call in
        let schema = try await readSchema(call.required("schema"))
        let codec: ParquetFile.Codec =
            switch call.value("codec") {
            case "none": .none
            case "snappy": .snappy
            default: .zstd
            }
        let size = ByteCount.mebibytes(try call.integer("row-group", in: 1...1024) ?? 32)
        let conversion = try ParquetConversion(
            schema: schema, codec: codec, rowGroupSize: size, output: call.required("output"))
        let input =
            try call.value("file").map { path in try InputFile.open(path).source } ?? call.console.input
        while let bytes = try await input.read() {
            for failure in try await conversion.append(bytes) { await call.console.note(failure) }
        }
        let (result, last) = try await conversion.finish()
        if let last { await call.console.note(last) }
        await call.console.note(
            "\(HumanText.count(result.records)) records, \(HumanText.bytes(result.inputBytes)), into "
                + "\(HumanText.bytes(result.outputBytes)).")
        if result.failures > 0 {
            throw CommandError("\(result.failures) of \(result.records + result.failures) records were left out.")
        }
    }

    private static func readSchema(_ path: String) async throws -> ParquetSchema {
        let source = try InputFile.open(path).source
        var bytes: [UInt8] = []
        while let more = try await source.read() {
            bytes += more
            guard bytes.count <= schemaBytesMax else {
                throw CommandError("The schema '\(path)' is longer than \(HumanText.bytes(schemaBytesMax)).")
            }
        }
        do {
            return try ParquetSchema(AvroSchema(parsing: String(decoding: bytes, as: UTF8.self)))
        } catch {
            throw CommandError("The schema '\(path)' has no Parquet form: \(error).")
        }
    }
}

/// Makes one file of lines that come piece by piece. It blocks on a thread of its own.
actor ParquetConversion {
    struct Result: Sendable {
        var records = 0
        var failures = 0
        var inputBytes = 0
        var outputBytes = 0
    }

    /// A line is longer than this only by mistake: no stream takes such a record.
    private static let lineBytesMax = 64 << 20

    private let thread: BlockingThread
    private let path: String
    private let target: any File
    private var file: ParquetFile
    private var rest: [UInt8] = []
    private var line = 0
    private var result = Result()
    private var isFinished = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    private static func partial(_ path: String) -> String { path + ".part" }

    init(schema: ParquetSchema, codec: ParquetFile.Codec, rowGroupSize: ByteCount, output: String) throws {
        file = try ParquetFile(schema: schema, codec: codec, rowGroupSize: rowGroupSize)
        path = output
        // What an interrupted run has left is of no use.
        try? SystemFileSystem().remove(Self.partial(output))
        target = try SystemFileSystem().open(Self.partial(output), .create)
        thread = try BlockingThread(named: "convert")
    }

    deinit {
        // Half a file under a name that nobody waits for is worth nothing.
        if !isFinished { try? SystemFileSystem().remove(Self.partial(path)) }
    }

    /// Takes bytes of the input; returns a sentence for each record that was left out.
    func append(_ bytes: [UInt8]) throws -> [String] {
        var failures: [String] = []
        result.inputBytes += bytes.count
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            rest += bytes[start..<end]
            if let failure = try addLine() { failures.append(failure) }
            start = end + 1
        }
        rest += bytes[start...]
        guard rest.count <= Self.lineBytesMax else {
            throw CommandError("Line \(line + 1) is longer than \(HumanText.bytes(Self.lineBytesMax)).")
        }
        return failures
    }

    /// Ends the file and gives it its name; the last line needs no line feed.
    func finish() throws -> (Result, String?) {
        let failure = rest.isEmpty ? nil : try addLine()
        try write(file.finish())
        try target.synchronize()
        try SystemFileSystem().rename(Self.partial(path), to: path)
        isFinished = true
        return (result, failure)
    }

    private func addLine() throws -> String? {
        defer { rest.removeAll(keepingCapacity: true) }
        line += 1
        guard !rest.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return nil }
        do {
            try file.append(rest)
        } catch let failure {
            result.failures += 1
            return "line \(line): \(failure)"
        }
        result.records += 1
        if file.hasOutput { try write(file.takeOutput()) }
        return nil
    }

    private func write(_ bytes: [UInt8]) throws {
        try target.writeAll(bytes, at: result.outputBytes)
        result.outputBytes += bytes.count
    }
}

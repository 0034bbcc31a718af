internal import SluiceCore
internal import Terminal

private let readOptions: [Parameter] = [
    .argument("stream", help: "The stream's name."),
    .option(
        "partition", value: "partition", help: "Only this partition, as 0 or shardId-0000000000.", isRepeating: true),
    .option("limit", short: "n", value: "count", help: "Stop after so many records."),
    .option(
        "output", short: "o", value: "format",
        help: "Write each record's data and a line feed (text), or a JSON object a line with its place and key (json).",
        default: "text", completion: .values(["text", "json"])),
]

private let placeHelp = "Begin there: earliest, latest, a sequence number, 15m (ago) or a time."

let getRecords = Command(
    "get", abstract: "Read what a stream holds now.",
    discussion: "Reads one partition after the other, up to the records that are there when the command begins.",
    parameters: readOptions + [
        .option("at", value: "place", help: placeHelp, default: "earliest"),
        .flag("follow", short: "f", help: "Do not stop at the end, wait for more."),
    ] + Connection.parameters
) { call in
    try await readRecords(call, follows: call.flag("follow"))
}

let tailRecords = Command(
    "tail", abstract: "Read what comes into a stream from now on.",
    discussion: "Ends with Ctrl-C. Partitions that are added meanwhile are read from their first record.",
    parameters: readOptions + [.option("at", value: "place", help: placeHelp, default: "latest")]
        + Connection.parameters
) { call in
    try await readRecords(call, follows: true)
}

private func readRecords(_ call: CommandCall, follows: Bool) async throws {
    let position = try ReadPosition(parsing: call.required("at"), now: call.console.time.now())
    let limit = try call.integer("limit", in: 1...Int.max) ?? .max
    let service = try await ServiceClient.connect(call)
    var reading = StreamReading(
        service: service, stream: try call.required("stream"), chosen: try chosenPartitions(call), position: position,
        follows: follows, limit: limit, console: call.console, isForPrograms: call.isForPrograms)
    try await reading.run()
}

private func chosenPartitions(_ call: CommandCall) throws -> Set<PartitionNumber>? {
    let texts = call.allValues("partition")
    guard !texts.isEmpty else { return nil }
    return Set(
        try texts.map { text in
            guard let number = PartitionNumber(parsing: text) else {
                throw CommandError.usage("'\(text)' is no partition like 0 or shardId-0000000000.")
            }
            return number
        })
}

/// Reads the partitions of a stream and writes their records.
private struct StreamReading {
    /// Between two rounds in which nothing came.
    private static let pause = Duration.milliseconds(500)
    /// How often a reader that follows looks for new partitions.
    private static let partitionsInterval = Duration.seconds(10)
    /// Partitions read at once.
    private static let readersAtOnceMax = 32

    let service: ServiceClient
    let stream: String
    let chosen: Set<PartitionNumber>?
    let position: ReadPosition
    let follows: Bool
    let limit: Int
    let console: Console
    let isForPrograms: Bool
    private var readers: [PartitionReader] = []
    private var written = 0

    init(
        service: ServiceClient, stream: String, chosen: Set<PartitionNumber>?, position: ReadPosition, follows: Bool,
        limit: Int, console: Console, isForPrograms: Bool
    ) {
        self.service = service
        self.stream = stream
        self.chosen = chosen
        self.position = position
        self.follows = follows
        self.limit = limit
        self.console = console
        self.isForPrograms = isForPrograms
    }

    mutating func run() async throws {
        try await findPartitions(at: position)
        if let chosen, readers.count < chosen.count {
            let missing = chosen.filter { number in !readers.contains { $0.partition == number.description } }
            throw CommandError(
                "The stream has no readable partition \(missing.map(\.description).sorted().joined(separator: ", ")).")
        }
        if case .sequenceNumber = position, readers.count > 1 {
            throw CommandError.usage(
                "A sequence number is a place in one partition, and the stream has \(readers.count).",
                hint: "Choose one with --partition.")
        }
        if follows { try await follow() } else { try await readOnce() }
    }

    private mutating func findPartitions(at position: ReadPosition) async throws {
        for partition in try await service.stream(stream).partitions {
            guard partition.isReadable, let range = partition.range,
                let number = PartitionNumber(parsing: partition.partitionId),
                chosen?.contains(number) ?? true, !readers.contains(where: { $0.partition == partition.partitionId })
            else { continue }
            readers.append(
                PartitionReader(
                    service, stream: stream, partition: partition.partitionId, start: position,
                    end: follows ? nil : range.next))
        }
    }

    private mutating func readOnce() async throws {
        for var reader in readers {
            while !reader.isAtEnd, written < limit {
                try await write(reader.page(limit: limit - written), of: reader)
            }
        }
        try await console.output.flush()
    }

    private mutating func follow() async throws {
        for index in readers.indices { try await readers[index].open() }
        var lookedAt = console.time.elapsed()
        // Ends with the limit, with the reader of the output or with the task.
        while written < limit {
            try Task.checkCancellation()
            var isQuiet = true
            for first in stride(from: 0, to: readers.count, by: Self.readersAtOnceMax) {
                let group = readers[first..<min(first + Self.readersAtOnceMax, readers.count)]
                let pages = try await Self.pages(of: group, limit: limit - written)
                for (index, reader, records) in pages {
                    readers[index] = reader
                    isQuiet = isQuiet && records.isEmpty
                    try await write(Array(records.prefix(limit - written)), of: reader)
                }
            }
            try await console.output.flush()
            guard isQuiet, written < limit else { continue }
            try await service.time.sleep(for: Self.pause)
            if console.time.elapsed() - lookedAt >= Self.partitionsInterval {
                lookedAt = console.time.elapsed()
                try await findPartitions(at: .earliest)
            }
        }
    }

    private static func pages(
        of readers: ArraySlice<PartitionReader>, limit: Int
    ) async throws -> [(Int, PartitionReader, [RecordsAnswer.Record])] {
        try await withThrowingTaskGroup(of: (Int, PartitionReader, [RecordsAnswer.Record]).self) { group in
            for index in readers.indices {
                var reader = readers[index]
                group.addTask {
                    let records = try await reader.page(limit: limit)
                    return (index, reader, records)
                }
            }
            var pages: [(Int, PartitionReader, [RecordsAnswer.Record])] = []
            for try await page in group { pages.append(page) }
            return pages.sorted { $0.0 < $1.0 }
        }
    }

    private mutating func write(_ records: [RecordsAnswer.Record], of reader: PartitionReader) async throws {
        guard !records.isEmpty else { return }
        var bytes: [UInt8] = []
        for record in records {
            guard let data = Base64.decode(record.data) else {
                throw CommandError("Record \(record.sequenceNumber) of \(reader.partition) is not Base64.")
            }
            if isForPrograms {
                bytes += Self.object(record, data, partition: reader.partition).text.utf8
            } else {
                bytes += data
            }
            bytes.append(0x0A)
        }
        written += records.count
        try await console.output.write(bytes)
    }

    private static func object(_ record: RecordsAnswer.Record, _ data: [UInt8], partition: String) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("partition_id", .string(partition)), ("sequence_number", .string(record.sequenceNumber)),
        ]
        if let time = record.timestamp { members.append(("timestamp", .integer(Int(time)))) }
        if let key = record.partitionKey { members.append(("partition_key", .string(key))) }
        if let text = String(validating: data, as: UTF8.self) {
            members.append(("data", .string(text)))
        } else {
            members.append(("data_base64", .string(record.data)))
        }
        return .object(members)
    }
}

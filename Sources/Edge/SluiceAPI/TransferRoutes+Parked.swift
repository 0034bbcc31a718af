internal import HTTPTypes
internal import SluiceCore
internal import SluiceTransfers
internal import SluiceWire

/// Records that could not be converted: listed, replayed and discarded. Not part of the public service.
extension TransferRoutes {
    @Sendable func parkedRecords(_ context: RequestContext) async throws -> HTTPResponse {
        var filter = ParkedFilter()
        filter.partition = try context.query["partition_id"].map(Self.partition)
        filter.from = try context.query["from_sequence_number"].map { text throws(APIError) in
            try Self.sequenceNumber(text, "from_sequence_number")
        }
        filter.to = try context.query["to_sequence_number"].map { text throws(APIError) in
            try Self.sequenceNumber(text, "to_sequence_number")
        }
        try Self.refuseEmptyRange(filter)
        filter.cause = context.query["cause"]
        let withData: Bool
        switch context.query["data"] {
        case nil, "true": withData = true
        case "false": withData = false
        case let other?: throw APIError.invalid("data \(other) is invalid")
        }
        let share = answers.take(TransferTasks.parkedAnswerBytes)
        let page = try await tasks.parkedRecords(
            of: context.parameter("task"), on: context.parameter("stream"), in: context.project, filter: filter,
            after: context.query["next"], withData: withData,
            limit: try context.query.limit("limit", default: 100, maximum: 1000), bytes: share.bytes)
        return try .json(
            200,
            ParkedRecordsAnswer(
                total_number: page.total,
                parked_records: page.records.map { record in
                    ParkedRecordAnswer(
                        partition_id: record.partition.description, sequence_number: record.number.description,
                        cause: record.cause, attempts: record.attempts,
                        data: withData ? Base64.encode(record.data) : nil,
                        timestamp: record.timestamp.milliseconds, parked_at: record.parkedAt.milliseconds,
                        last_attempt_at: record.lastAttemptAt.milliseconds, partition_key: record.partitionKey,
                        error_object: record.errorObject, replay_pending: record.isReplayPending ? true : nil)
                }, next: page.next), retaining: share)
    }

    @Sendable func actOnParkedRecords(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(ParkedRecordsActionBody.self)
        guard let wanted = body.filter else {
            throw APIError.invalid("filter is missing; an empty one means all parked records")
        }
        let filter = try Self.filter(wanted)
        let task = context.parameter("task")
        let stream = context.parameter("stream")
        let count =
            switch body.action?.value.lowercased() {
            case "replay": try await tasks.replay(parkedRecordsOf: task, on: stream, in: context.project, filter)
            case "discard": try await tasks.discard(parkedRecordsOf: task, on: stream, in: context.project, filter)
            default: throw APIError.invalid("action must be replay or discard")
            }
        return try .json(200, ParkedRecordsActionAnswer(total_number: count))
    }

    /// As many numbers as one request may name.
    private static let numbersMax = 10_000

    private static func filter(_ body: ParkedRecordsActionBody.Filter) throws(APIError) -> ParkedFilter {
        var filter = ParkedFilter()
        if let text = body.partition_id?.value { filter.partition = try partition(text) }
        if let texts = body.sequence_numbers {
            guard !texts.isEmpty, texts.count <= numbersMax else {
                throw .invalid("sequence_numbers must hold 1 to \(numbersMax) numbers")
            }
            var numbers: Set<Int64> = []
            for text in texts { numbers.insert(try sequenceNumber(text.value, "sequence_numbers")) }
            filter.numbers = numbers
        }
        if let text = body.from_sequence_number?.value {
            filter.from = try sequenceNumber(text, "from_sequence_number")
        }
        if let text = body.to_sequence_number?.value { filter.to = try sequenceNumber(text, "to_sequence_number") }
        try refuseEmptyRange(filter)
        filter.cause = body.cause?.value
        return filter
    }

    private static func refuseEmptyRange(_ filter: ParkedFilter) throws(APIError) {
        guard let from = filter.from, let to = filter.to, from > to else { return }
        throw .invalid("from_sequence_number is above to_sequence_number")
    }

    static func partition(_ text: String) throws(APIError) -> PartitionNumber {
        guard let number = PartitionNumber(parsing: text) else {
            throw APIError(status: 400, code: "DIS.4201", message: "Invalid partition_id. [\(text)]")
        }
        return number
    }

    static func sequenceNumber(_ text: String, _ name: String) throws(APIError) -> Int64 {
        guard let value = Int64(text), value >= 0 else {
            throw APIError(status: 400, code: "DIS.4216", message: "Invalid \(name). [\(text)]")
        }
        return value
    }
}

internal import HTTPTypes
internal import Observability
internal import SluiceCore
internal import SluicePorts
package import SluiceStreams
package import SluiceWire
internal import Synchronization

/// Putting and getting records, and cursors (spec section 2.4). The hot path: a record is copied once, from the request's
/// body into the batch that the log writes.
package struct RecordRoutes: Sendable {
    private let streams: Streams
    private let cursors: CursorCodec
    private let errors: ErrorTable
    private let limits: PutRecordsLimits
    private let metrics: RequestMetrics
    private let nextSlot = NextSlot()
    private let answers: AnswerBudget

    package init(
        streams: Streams, cursors: CursorCodec, errors: ErrorTable, limits: PutRecordsLimits, metrics: RequestMetrics,
        answers: AnswerBudget
    ) {
        self.streams = streams
        self.cursors = cursors
        self.errors = errors
        self.limits = limits
        self.metrics = metrics
        self.answers = answers
    }

    package var routes: [Route] {
        [
            Route("POST", "/v2/{project_id}/records", put),
            Route("GET", "/v2/{project_id}/records", get),
            Route("GET", "/v2/{project_id}/cursors", cursor),
        ]
    }

    /// Where the next record without key and partition goes.
    private final class NextSlot: Sendable {
        private let count = Atomic<Int>(0)

        func next(of slots: Int) -> Int {
            Int(UInt(bitPattern: count.wrappingAdd(1, ordering: .relaxed).newValue) % UInt(slots))
        }
    }

    private static let protobuf = "application/x-protobuf"
    private static let protobufFields = HTTPFields([("Content-Type", protobuf)])
    private static let jsonFields = HTTPFields([("Content-Type", "application/json")])

    private static func isProtobuf(_ context: RequestContext) -> Bool {
        guard let type = context.request.headers["Content-Type"] else { return false }
        return String(Substring(type.utf8.prefix(protobuf.utf8.count))).equalsIgnoringCase(protobuf)
    }

    // MARK: Putting

    @Sendable private func put(_ context: RequestContext) async throws -> HTTPResponse {
        let began = streams.time.elapsed()
        guard !context.body.isEmpty else { throw APIError.emptyBody }
        let isProtobuf = Self.isProtobuf(context)
        let request = try read(context, isProtobuf: isProtobuf)
        let stream = try stream(
            name: request.streamName, id: request.streamID, for: .putRecords, context)
        try streams.requireRunning(stream)
        let now = streams.time.now()
        let partitions = stream.router.active
        let records: DistributedRecords
        do {
            records = try request.distribute(over: partitions.count, at: now) { selector in
                choose(selector, in: stream)
            }
        } catch {
            throw Self.translate(error)
        }
        let outcomes = await append(records, to: stream, partitions, now: now)
        let taken = outcomes.moved.reduce(0) { $0 + $1.records }
        metrics.recordsPut.increment(by: taken)
        metrics.recordBytesPut.increment(by: outcomes.moved.reduce(0) { $0 + $1.bytes })
        metrics.recordsRefused.increment(by: records.count - taken)
        if outcomes.moved.count > 0 {
            stream.traffic.record(.put, outcomes.moved, took: streams.time.elapsed() - began, at: now)
        }
        let answer = PutRecordsAnswer(to: records, partitions: partitions, outcomes: outcomes.results)
        return HTTPResponse(
            status: 200, headers: isProtobuf ? Self.protobufFields : Self.jsonFields,
            body: isProtobuf ? answer.protobuf() : answer.json())
    }

    private func read(_ context: RequestContext, isProtobuf: Bool) throws(APIError) -> PutRecordsRequest {
        do {
            return isProtobuf
                ? try PutRecordsRequest(protobuf: context.body, limits: limits)
                : try PutRecordsRequest(json: context.body, limits: limits)
        } catch {
            throw Self.translate(error)
        }
    }

    private static func translate(_ error: PutRecordsError) -> APIError {
        switch error.code {
        case .invalidJSON: .undecodable("Invalid JSON body.")
        case .invalidProtobuf: .undecodable("Invalid protobuf body.")
        case .requestTooLarge: .tooLarge
        default: .invalid(error.detail)
        }
    }

    /// The slot of the active partition that a record goes to (spec section 3.1).
    private func choose(_ selector: PartitionSelector, in stream: LiveStream) -> PartitionChoice {
        let router = stream.router
        switch selector {
        case .hash(let hash): return .slot(router.slot(of: hash))
        case .any: return .slot(nextSlot.next(of: router.active.count))
        case .partition(let number):
            if let slot = router.slot(of: number) { return .slot(slot) }
            let code: StreamsError.Code =
                stream.record.partition(number)?.status == .expired ? .partitionExpired : .partitionNotFound
            return .refused(refusal(StreamsError(code, "[\(number)]")))
        case .malformedPartition(let text): return .refused(refusal(StreamsError(.invalidPartitionID, "[\(text)]")))
        case .malformedHash(let text): return .refused(refusal(.invalid("explicit_hash_key \(text) is invalid")))
        }
    }

    private func append(
        _ records: DistributedRecords, to stream: LiveStream, _ partitions: [PartitionNumber], now: Timestamp
    ) async -> (results: [Result<SequenceNumber, RecordRefusal>], moved: [StreamTraffic.Movement]) {
        var throttled: Set<Int> = []
        var admitted: [(partition: PartitionNumber, batch: RecordBatch)] = []
        admitted.reserveCapacity(records.batches.count)
        for (index, slot) in records.batches.enumerated() {
            if streams.configuration.isThrottling,
                !stream.throttle.admitWrite(
                    partitions[slot.slot], bytes: slot.batch.bytes.count, records: slot.batch.count,
                    of: stream.record.kind, now: streams.time.elapsed())
            {
                stream.traffic.recordThrottled(.put, count: slot.batch.count, at: now)
                throttled.insert(index)
            } else {
                admitted.append((partitions[slot.slot], slot.batch))
            }
        }
        var outcomes = await streams.append(admitted, to: stream).makeIterator()
        var results: [Result<SequenceNumber, RecordRefusal>] = []
        results.reserveCapacity(records.batches.count)
        var moved: [StreamTraffic.Movement] = []
        moved.reserveCapacity(admitted.count)
        for (index, slot) in records.batches.enumerated() {
            if throttled.contains(index) {
                results.append(.failure(refusal(StreamsError(.throttled))))
                continue
            }
            switch outcomes.next() ?? .failure(StreamsError(.storageUnavailable)) {
            case .success(let first):
                results.append(.success(first))
                let data = slot.batch.bytes.count - slot.batch.count * RecordBatch.recordHeaderSize
                moved.append(.init(partition: partitions[slot.slot], bytes: data, records: slot.batch.count))
            case .failure(let error): results.append(.failure(refusal(error)))
            }
        }
        return (results, moved)
    }

    /// A record's own error. A storage failure is DIS.5250, which makes clients send just these records again.
    private func refusal(_ error: StreamsError) -> RecordRefusal {
        let shown = errors.error(for: error)
        return RecordRefusal(
            code: error.code == .storageUnavailable ? "DIS.5250" : shown.code, message: shown.message)
    }

    /// The stream that a caller names: its own by name or id, another project's by id where a policy allows it.
    private func stream(
        name: String?, id: String?, for action: Policy.Action, _ context: RequestContext
    ) throws(StreamsError) -> LiveStream {
        if let id, !id.isEmpty, let found = try streams.stream(id: StreamID(id)),
            found.record.project != context.project
        {
            return try streams.stream(id: id, for: action, by: context.principal)
        }
        return try streams.stream(name: name, id: id, in: context.project)
    }

    // MARK: Cursors

    @Sendable private func cursor(_ context: RequestContext) async throws -> HTTPResponse {
        let query = context.query
        let stream = try stream(name: query["stream_name"], id: query["stream_id"], for: .getRecords, context)
        try streams.requireRunning(stream)
        guard let partitionText = query["partition_id"] else { throw APIError.invalid("partition-id is missing") }
        let partition = try streams.partition(partitionText, of: stream)
        let position = try await streams.position(try Self.cursorKind(query), in: partition, of: stream)
        return try .json(200, CursorAnswer(partition_cursor: encode(position, of: stream)))
    }

    private static func cursorKind(_ query: QueryParameters) throws -> CursorKind {
        var number: SequenceNumber?
        if let text = query["starting_sequence_number"] {
            guard let value = Int64(text) else { throw StreamsError(.invalidSequenceNumber, "[\(text)]") }
            number = SequenceNumber(value)
        }
        switch query["cursor_type"] {
        case nil, "AT_SEQUENCE_NUMBER"?: return .atSequenceNumber(number)
        case "AFTER_SEQUENCE_NUMBER"?:
            guard let number else { throw APIError.invalid("starting-sequence-number is missing") }
            return .afterSequenceNumber(number)
        case "TRIM_HORIZON"?: return .trimHorizon
        case "LATEST"?: return .latest
        case "AT_TIMESTAMP"?:
            guard let text = query["timestamp"] else { throw APIError.invalid("timestamp is missing") }
            guard let value = Int64(text), value >= 0 else { throw APIError.invalid("timestamp \(text) is invalid") }
            return .atTimestamp(Timestamp(milliseconds: value))
        case let other?: throw StreamsError(.invalidCursorType, "[\(other)]")
        }
    }

    private func encode(_ position: ReadPosition, of stream: LiveStream) -> String {
        cursors.encode(
            CursorContent(
                streamID: stream.record.id, streamName: stream.record.name.text, position: position,
                issuedAt: streams.time.now()))
    }

    // MARK: Getting

    /// Reads of the log that one page may take, so that small batches fill it too.
    private static let readsPerPage = 64
    /// Records of a page when the caller names no bound at all (the documented default of `limit`).
    private static let defaultRecordLimit = 1000

    @Sendable private func get(_ context: RequestContext) async throws -> HTTPResponse {
        let began = streams.time.elapsed()
        guard let text = context.query["partition_cursor"] else {
            throw APIError.invalid("partition-cursor is missing")
        }
        let fetchBytes = try context.query.integer("max_fetch_bytes", in: 1...Int.max)
        let recordLimit = try context.query.integer("limit", in: 1...10_000)
        let content = try cursors.decode(text)
        let stream = try stream(of: content, context)
        try streams.requireRunning(stream)
        let now = streams.time.now()
        guard now - content.issuedAt <= streams.configuration.cursorLife else { throw StreamsError(.cursorExpired) }
        if streams.configuration.isThrottling,
            !stream.throttle.admitRead(content.position.partition, of: stream.record.kind, now: began)
        {
            stream.traffic.recordThrottled(.get, count: 1, at: now)
            throw StreamsError(.throttled)
        }
        let wanted = min(
            fetchBytes.map { ByteCount($0) } ?? streams.configuration.defaultFetchSize,
            streams.configuration.maximumFetchSize)
        let share = answers.take(wanted.bytes)
        var limits = GetRecordsLimits(
            bytes: ByteCount(share.bytes),
            records: recordLimit ?? (fetchBytes == nil ? Self.defaultRecordLimit : Int(Int32.max)),
            takesFirst: fetchBytes == nil)
        var page = try await page(content.position, of: stream, limits: limits)
        if page.count == 0, page.isFull, share.bytes < wanted.bytes {
            // The share is too small for the next record, the caller's own limit may not be: it gets that one alone.
            limits.bytes = wanted
            limits.records = 1
            page = try await self.page(content.position, of: stream, limits: limits)
        }
        stream.throttle.chargeRead(content.position.partition, bytes: page.dataBytes.bytes)
        stream.traffic.record(
            .get,
            [.init(partition: content.position.partition, bytes: page.dataBytes.bytes, records: page.count)],
            took: streams.time.elapsed() - began, at: now)
        metrics.recordsGot.increment(by: page.count)
        metrics.recordBytesGot.increment(by: page.dataBytes.bytes)
        let next = encode(ReadPosition(partition: content.position.partition, next: page.next), of: stream)
        let isProtobuf = Self.isProtobuf(context)
        return HTTPResponse(
            status: 200, headers: isProtobuf ? Self.protobufFields : Self.jsonFields,
            body: isProtobuf ? page.protobuf(nextCursor: next) : page.json(nextCursor: next), retaining: share)
    }

    /// The cursor's stream, by its id: a stream made again under the same name is another one (spec section 3.3).
    private func stream(of content: CursorContent, _ context: RequestContext) throws(StreamsError) -> LiveStream {
        guard let stream = try streams.stream(id: content.streamID) else {
            if (try? streams.stream(content.streamName, in: context.project)) != nil {
                throw StreamsError(.invalidCursor, "[the stream was deleted and made again]")
            }
            throw .streamNotFound(content.streamName, in: context.project)
        }
        guard stream.record.project != context.project else { return stream }
        return try streams.stream(id: content.streamID.text, for: .getRecords, by: context.principal)
    }

    private func page(
        _ position: ReadPosition, of stream: LiveStream, limits: GetRecordsLimits
    ) async throws -> GetRecordsPage {
        var batches = try await streams.read(position, of: stream, limit: limits.bytes)
        var page = try GetRecordsPage(of: batches, from: position.next, limits: limits)
        for _ in 1..<Self.readsPerPage {
            guard !page.isFull, let last = batches.last else { break }
            let more = try await streams.read(
                ReadPosition(partition: position.partition, next: last.next), of: stream, limit: limits.bytes)
            guard !more.isEmpty else { break }
            batches += more
            page = try GetRecordsPage(of: batches, from: position.next, limits: limits)
        }
        return page
    }
}

extension RequestContext {
    /// The caller as policies see it.
    var principal: Principal {
        Principal(
            domainName: caller.domainName, userName: caller.userName, userID: caller.userID, project: caller.project)
    }
}

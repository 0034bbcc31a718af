internal import HTTPTypes
internal import SluiceCore
package import SluiceTransfers
internal import SluiceWire

/// The transfer task operations (spec sections 2.5 and 2.9.3), each under `/streams/` and `/stream/`.
package struct TransferRoutes: Sendable {
    let tasks: TransferTasks
    /// Shared with the answers to reads.
    let answers: AnswerBudget
    private let errors: ErrorTable

    package init(tasks: TransferTasks, errors: ErrorTable, answers: AnswerBudget) {
        self.tasks = tasks
        self.errors = errors
        self.answers = answers
    }

    package var routes: [Route] {
        ["streams", "stream"].flatMap { word in
            let path = "/v2/{project_id}/\(word)/{stream}/transfer-tasks"
            return [
                route("POST", path, create), route("GET", path, list), route("PUT", path, update),
                route("POST", path + "/action", act), route("GET", path + "/{task}", show),
                route("DELETE", path + "/{task}", delete), route("GET", path + "/{task}/deliveries", deliveries),
                route("GET", path + "/{task}/verification", verification),
                route("GET", path + "/{task}/parked-records", parkedRecords),
                route("POST", path + "/{task}/parked-records/action", actOnParkedRecords),
            ]
        } + [route("POST", "/v1/transfertasklog/{task}", log)]
    }

    /// Turns the service's errors into public ones.
    private func route(_ method: String, _ pattern: String, _ handler: @escaping Route.Handler) -> Route {
        Route(method, pattern) { [errors] context in
            do {
                return try await handler(context)
            } catch let error as TransferError {
                throw errors.error(for: error)
            }
        }
    }

    @Sendable private func create(_ context: RequestContext) async throws -> HTTPResponse {
        let descriptor = try Self.descriptor(in: context.decode(TransferTaskBody.self))
        try await tasks.create(descriptor, on: context.parameter("stream"), in: context.project)
        return try .json(201, [String: String]())
    }

    @Sendable private func update(_ context: RequestContext) async throws -> HTTPResponse {
        let descriptor = try Self.descriptor(in: context.decode(TransferTaskBody.self))
        try await tasks.update(descriptor, on: context.parameter("stream"), in: context.project)
        return try .json(200, [String: String]())
    }

    @Sendable private func list(_ context: RequestContext) async throws -> HTTPResponse {
        var all = try await tasks.list(on: context.parameter("stream"), in: context.project)
        let count = all.count
        if let start = context.query["start_task_name"] {
            all = Array(all.drop { $0.task.name != start }.dropFirst())
        }
        let limit = try context.query.limit("limit", default: 100, maximum: 100)
        return try .json(
            200,
            ListTransferTasksAnswer(
                total_number: count, quota: TransferSettings.tasksPerStream,
                tasks: all.prefix(limit).map { summary in
                    TransferTaskAnswer(
                        task_id: summary.task.id.text, task_name: summary.task.name, state: summary.state.rawValue,
                        destination_type: "OBS", create_time: summary.task.createdAt.milliseconds,
                        last_transfer_timestamp: summary.lastTransferAt?.milliseconds)
                }))
    }

    @Sendable private func show(_ context: RequestContext) async throws -> HTTPResponse {
        let details = try await tasks.show(
            context.parameter("task"), on: context.parameter("stream"), in: context.project)
        let summary = details.summary
        var description = Self.body(of: summary.task.descriptor)
        description.avro_schema = details.dataSchema
        let now = tasks.now
        var answer = ShowTransferTaskAnswer(
            stream_name: summary.task.streamName.text, stream_id: summary.task.stream.text,
            task_name: summary.task.name, task_id: summary.task.id.text, state: summary.state.rawValue,
            reason: summary.reason.isEmpty ? nil : summary.reason, destination_type: "OBS",
            create_time: summary.task.createdAt.milliseconds,
            last_transfer_timestamp: summary.lastTransferAt?.milliseconds,
            partitions: details.partitions.map { Self.answer($0, at: now) }, obs_destination_description: description)
        answer.lag = Self.answer(details.lag, at: now)
        answer.delivered = details.delivered
        answer.delivered_bytes = details.deliveredBytes
        answer.parked = details.parked
        answer.last_object = details.lastObject
        return try .json(200, answer)
    }

    @Sendable private func delete(_ context: RequestContext) async throws -> HTTPResponse {
        try await tasks.delete(context.parameter("task"), on: context.parameter("stream"), in: context.project)
        return .empty(204)
    }

    @Sendable private func act(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(TransferTaskActionBody.self)
        let ids = try (body.tasks ?? []).map { task throws(APIError) in
            guard let id = task.id?.value, !id.isEmpty else { throw .invalid("tasks has an entry without id") }
            return id
        }
        // Ten times what a stream can have: room to say which one is unknown, none for floods.
        guard ids.count <= 10 * TransferSettings.tasksPerStream else {
            throw APIError.invalid("tasks has too many entries")
        }
        let stream = context.parameter("stream")
        switch body.action?.value.lowercased() {
        case "start": try await tasks.start(ids, on: stream, in: context.project)
        case "stop": try await tasks.stop(ids, on: stream, in: context.project)
        default: throw APIError.invalid("action must be start or stop")
        }
        return .empty(200)
    }

    /// What a delivery takes in an answer at most, but for its runs: its key may have a thousand bytes.
    private static let deliveryBytes = 2048

    @Sendable private func deliveries(_ context: RequestContext) async throws -> HTTPResponse {
        var filter = DeliveryFilter()
        filter.partition = try Self.partition(in: context.query)
        if let text = context.query["sequence_number"] {
            filter.sequenceNumber = SequenceNumber(try Self.sequenceNumber(text, "sequence_number"))
        }
        filter.object = context.query["object"]
        let times = 0...Int(9_999_999_999_999)
        filter.from = try context.query.integer("start_time", in: times).map { Timestamp(milliseconds: Int64($0)) }
        filter.until = try context.query.integer("end_time", in: times).map { Timestamp(milliseconds: Int64($0)) }
        let limit = try context.query.limit("limit", default: 100, maximum: 1000)
        let share = answers.take(limit * Self.deliveryBytes)
        let page = try await tasks.deliveries(
            of: context.parameter("task"), on: context.parameter("stream"), in: context.project, filter: filter,
            after: context.query["next"], limit: min(limit, share.bytes / Self.deliveryBytes))
        return try .json(
            200, DeliveriesAnswer(deliveries: page.deliveries.map(Self.answer), next: page.next), retaining: share)
    }

    @Sendable private func verification(_ context: RequestContext) async throws -> HTTPResponse {
        switch context.query["strangers"] {
        case nil, "false": break
        case "true": return try await strangers(context)
        default: throw APIError.invalid("strangers must be true or false")
        }
        let limit = try context.query.limit("limit", default: 100, maximum: 1000)
        let share = answers.take(limit * Self.deliveryBytes + TransferTasks.verificationPageBytes)
        let page = try await tasks.verification(
            of: context.parameter("task"), on: context.parameter("stream"), in: context.project,
            partition: try Self.partition(in: context.query), after: context.query["next"], limit: limit,
            bytes: share.bytes)
        return try .json(
            200,
            VerificationsAnswer(
                verifications: page.verifications.map { verification in
                    VerificationAnswer(
                        delivery: Self.answer(verification.delivery), runs: verification.runs,
                        state: verification.state.rawValue, compared_with_stream: verification.isComparedWithStream,
                        message: verification.message.isEmpty ? nil : verification.message)
                }, next: page.next), retaining: share)
    }

    private func strangers(_ context: RequestContext) async throws -> HTTPResponse {
        let page = try await tasks.strangers(
            of: context.parameter("task"), on: context.parameter("stream"), in: context.project,
            partition: try Self.partition(in: context.query), after: context.query["next"],
            limit: try context.query.limit("limit", default: 100, maximum: 1000))
        return try .json(
            200,
            VerificationsAnswer(
                verifications: [],
                strangers: page.strangers.map { stranger in
                    StrangerAnswer(
                        object: stranger.object, partition_id: stranger.partition.description, bytes: stranger.bytes,
                        modified_at: stranger.modifiedAt.milliseconds)
                }, next: page.next, message: page.message.isEmpty ? nil : page.message))
    }

    @Sendable private func log(_ context: RequestContext) async throws -> HTTPResponse {
        let body = context.body.isEmpty ? nil : try context.decode(TransferTaskLogBody.self)
        let id = context.parameter("task")
        var entries = try await tasks.dumpLog(of: TransferTaskID(id), in: context.project)
        switch body?.sortBy?.value ?? "" {
        case "", "startTime", "createTimeStr": entries.sort { $0.startedAt < $1.startedAt }
        case "endTime": entries.sort { $0.endedAt < $1.endedAt }
        case "state": entries.sort { $0.state.rawValue < $1.state.rawValue }
        case "records", "readRecords": entries.sort { $0.records < $1.records }
        case "dataSize": entries.sort { $0.bytes < $1.bytes }
        case let other: throw APIError.invalid("sortBy \(other) is not known")
        }
        switch body?.order?.value.lowercased() ?? "" {
        case "", "desc": entries.reverse()
        case "asc": break
        default: throw APIError.invalid("order must be asc or desc")
        }
        let index = body?.pageInfo?.pageIndex?.value ?? 1
        let size = body?.pageInfo?.pageTotal?.value ?? 10
        guard (1...1_000_000).contains(index), (1...1000).contains(size) else {
            throw APIError.invalid("pageInfo is invalid")
        }
        return try .json(
            200,
            TransferTaskLogAnswer(
                totalNum: entries.count,
                transferTaskLogList: entries.dropFirst((index - 1) * size).prefix(size).map { entry in
                    let time = CivilTime(entry.startedAt)
                    return TransferTaskLogEntryAnswer(
                        taskId: id, createTimeStr: time.extended,
                        startTime: entry.startedAt.milliseconds, endTime: entry.endedAt.milliseconds,
                        state: entry.state.rawValue, records: entry.records, readRecords: entry.records,
                        dataSize: entry.bytes, fileName: entry.object, errorMsg: entry.message)
                }))
    }

    // MARK: Wire and domain

    private static func partition(in query: QueryParameters) throws(APIError) -> PartitionNumber? {
        guard let text = query["partition_id"] else { return nil }
        return try partition(text)
    }

    @Sendable private static func answer(_ delivery: Delivery) -> DeliveryAnswer {
        DeliveryAnswer(
            object: delivery.object, partition_id: delivery.partition.description,
            first_sequence_number: delivery.first.description, last_sequence_number: delivery.last.description,
            records: delivery.records, bytes: delivery.bytes,
            checksum: CRC32C.text(delivery.crc32c),
            delivered_at: delivery.deliveredAt.milliseconds, destination: delivery.destination)
    }

    /// The descriptor that a body means: the one named after its type, else the only one there is.
    private static func descriptor(in body: TransferTaskBody) throws(APIError) -> OBSDescriptor {
        let named = body.obs_destination_descriptor?.value.flatMap { $0.isEmpty ? nil : $0 }
        let others = [
            body.mrs_destination_descriptor, body.dli_destination_descriptor, body.dws_destination_descriptor,
            body.cloudtable_destination_descriptor,
        ].compactMap { $0?.value }.filter { !$0.isEmpty }
        let type = body.destination_type?.value ?? ""
        guard type == "OBS" || (type.isEmpty && named != nil) else {
            throw .invalid(type.isEmpty ? "destination_type is missing" : "destination_type \(type) is not supported")
        }
        guard let found = named ?? (others.count == 1 ? others[0] : nil) else {
            throw .invalid("obs_destination_descriptor is missing")
        }
        var descriptor = OBSDescriptor()
        descriptor.taskName = found.task_name?.value
        descriptor.agencyName = found.agency_name?.value
        descriptor.deliverTimeInterval = found.deliver_time_interval?.value
        descriptor.consumerStrategy = found.consumer_strategy?.value
        descriptor.retryDuration = found.retry_duration?.value
        descriptor.obsBucketPath = found.obs_bucket_path?.value
        descriptor.filePrefix = found.file_prefix?.value
        descriptor.partitionFormat = found.partition_format?.value
        descriptor.destinationFileType = found.destination_file_type?.value
        descriptor.recordDelimiter = found.record_delimiter?.value
        descriptor.processingSchema = found.processing_schema.map {
            .init(
                timestampName: $0.timestamp_name?.value, timestampType: $0.timestamp_type?.value,
                timestampFormat: $0.timestamp_format?.value)
        }
        descriptor.deliverSizeInterval = found.deliver_size_interval?.value
        descriptor.compressionFormat = found.compression_format?.value
        descriptor.carbonProperties = found.carbon_properties?.mapValues(\.value)
        descriptor.deliverDataType = found.deliver_data_type?.value
        return descriptor
    }

    private static func body(of descriptor: OBSDescriptor) -> OBSDescriptorBody {
        func text(_ value: String?) -> LenientString? { value.map { LenientString($0) } }
        var body = OBSDescriptorBody()
        body.task_name = text(descriptor.taskName)
        body.agency_name = text(descriptor.agencyName)
        body.deliver_time_interval = descriptor.deliverTimeInterval.map { LenientInt($0) }
        body.consumer_strategy = text(descriptor.consumerStrategy)
        body.retry_duration = descriptor.retryDuration.map { LenientInt($0) }
        body.obs_bucket_path = text(descriptor.obsBucketPath)
        body.file_prefix = text(descriptor.filePrefix)
        body.partition_format = text(descriptor.partitionFormat)
        body.destination_file_type = text(descriptor.destinationFileType)
        body.record_delimiter = text(descriptor.recordDelimiter)
        body.processing_schema = descriptor.processingSchema.map {
            ProcessingSchemaBody(
                timestamp_name: $0.timestampName, timestamp_type: $0.timestampType, timestamp_format: $0.timestampFormat
            )
        }
        body.deliver_size_interval = descriptor.deliverSizeInterval.map { LenientInt($0) }
        body.compression_format = text(descriptor.compressionFormat)
        body.carbon_properties = descriptor.carbonProperties?.mapValues { LenientString($0) }
        body.deliver_data_type = text(descriptor.deliverDataType)
        return body
    }

    private static func answer(_ partition: PartitionTransfer, at now: Timestamp) -> PartitionTransferAnswer {
        var answer = PartitionTransferAnswer(
            partition_id: partition.number.description, status: partition.status, state: partition.state.rawValue,
            hash_range: partition.hashRange,
            sequence_number_range: partition.bounds.map { "[\($0.lowerBound) : \($0.upperBound)]" },
            parent_partitions: partition.parents.map(\.description).joined(separator: ","),
            last_transfer_timestamp: partition.lastTransferAt?.milliseconds,
            last_transfer_offset: partition.lastDelivered.value, discard: partition.discarded)
        answer.start_sequence_number = partition.start?.description
        answer.next_sequence_number = partition.next.description
        answer.delivered = partition.delivered
        answer.parked = partition.parked
        answer.lag = Self.answer(partition.lag, at: now)
        return answer
    }

    private static func answer(_ lag: TransferLag, at now: Timestamp) -> TransferLagAnswer {
        TransferLagAnswer(records: lag.records, bytes: lag.bytes.bytes, seconds: lag.age(at: now).inSeconds)
    }
}

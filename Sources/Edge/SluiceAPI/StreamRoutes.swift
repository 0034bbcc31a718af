internal import HTTPTypes
internal import SluiceCore
internal import SluicePorts
package import SluiceStreams
internal import SluiceWire

/// The stream operations of spec section 2.1.
package struct StreamRoutes: Sendable {
    private let streams: Streams

    package init(streams: Streams) {
        self.streams = streams
    }

    package var routes: [Route] {
        [
            Route("POST", "/v2/{project_id}/streams", create),
            Route("GET", "/v2/{project_id}/streams", list),
            Route("DELETE", "/v2/{project_id}/streams") { _ in
                throw APIError.invalid("streams are deleted one by one")
            },
            Route("GET", "/v2/{project_id}/streams/{stream}", show),
            Route("PUT", "/v2/{project_id}/streams/{stream}", scaleOrUpdate),
            Route("PUT", "/v2/{project_id}/streams/{stream}/update", update),
            Route("PUT", "/v3/{project_id}/streams/{stream}", update),
            Route("DELETE", "/v2/{project_id}/streams/{stream}", delete),
            Route("GET", "/v2/{project_id}/streams/{stream}/update_partition_counts", scalingLog),
        ]
    }

    private func stream(_ context: RequestContext) throws(StreamsError) -> LiveStream {
        try streams.stream(context.parameter("stream"), in: context.project)
    }

    /// The caller's own stream, or by its id another project's that a rule opens for `getStreamInfo` (spec section 2.9.5).
    private func shownStream(_ context: RequestContext) throws(StreamsError) -> LiveStream {
        do {
            return try stream(context)
        } catch  where error.code == .streamNotFound {
            return try streams.stream(
                id: context.parameter("stream"), for: .getStreamInfo, by: context.principal)
        }
    }

    @Sendable private func create(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(CreateStreamBody.self)
        var scaling: AutoScaling?
        if body.auto_scale_enabled != nil || body.auto_scale_min_partition_count != nil
            || body.auto_scale_max_partition_count != nil
        {
            scaling = AutoScaling(
                isEnabled: body.auto_scale_enabled?.value ?? false,
                minimum: body.auto_scale_min_partition_count?.value ?? 0,
                maximum: body.auto_scale_max_partition_count?.value ?? 0)
        }
        let creation = try StreamCreation(
            name: body.stream_name?.value, kind: body.stream_type?.value, dataType: body.data_type?.value,
            partitionCount: body.partition_count?.value, retentionHours: body.data_duration?.value,
            dataSchema: body.data_schema,
            csvDelimiter: body.csv_properties?.delimiter.flatMap { $0.isEmpty ? nil : $0 },
            compressionFormat: body.compression_format, autoScaling: scaling,
            tags: Self.tags(body.tags), systemTags: Self.tags(body.sys_tags))
        _ = try await streams.create(creation, in: context.project)
        return .empty(201)
    }

    private static func tags(_ tags: [TagBody]?) -> [Tag] {
        (tags ?? []).map { Tag(key: $0.key?.value ?? "", value: $0.value?.value ?? "") }
    }

    @Sendable private func list(_ context: RequestContext) async throws -> HTTPResponse {
        let page = try streams.list(
            in: context.project, after: context.query["start_stream_name"],
            limit: try context.query.limit("limit", default: 10, maximum: 100))
        return try .json(
            200,
            ListStreamsAnswer(
                total_number: page.totalCount, stream_names: page.streams.map(\.record.name.text),
                has_more_streams: page.hasMore, stream_info_list: page.streams.map { Self.info($0.record) }))
    }

    @Sendable private func show(_ context: RequestContext) async throws -> HTTPResponse {
        let live = try shownStream(context)
        let record = live.record
        let limit = try context.query.limit("limit_partitions", default: 100, maximum: 1000)
        var first = 0
        if let start = context.query["start_partitionId"] {
            guard let number = PartitionNumber(parsing: start) else {
                throw StreamsError(.invalidPartitionID, "[\(start)]")
            }
            first = min(number.value + 1, record.partitions.count)
        }
        let end = min(first + limit, record.partitions.count)
        var partitions: [PartitionAnswer] = []
        for partition in record.partitions[first..<end] {
            var range: String?
            if partition.status != .expired {
                let bounds = try streams.bounds(of: partition.number, in: live)
                range = "[\(bounds.first) : \(bounds.next)]"
            }
            partitions.append(
                PartitionAnswer(
                    status: partition.status.rawValue, partition_id: partition.number.description,
                    hash_range: "[\(partition.hashRange.lowerBound) : \(partition.hashRange.upperBound)]",
                    sequence_number_range: range,
                    parent_partitions: partition.parents.map(\.description).joined(separator: ",")))
        }
        return try .json(
            200,
            ShowStreamAnswer(
                info: Self.info(record), last_modified_time: record.modifiedAt.milliseconds,
                data_schema: record.dataSchema,
                csv_properties: record.csvDelimiter.map { CSVPropertiesBody(delimiter: $0) },
                compression_format: record.compressionFormat, writable_partition_count: record.activePartitionCount,
                readable_partition_count: record.readablePartitionCount, partitions: partitions,
                has_more_partitions: end < record.partitions.count,
                update_partition_counts: record.scalings.map(Self.scaling)))
    }

    static func info(_ record: SluiceStreams.Stream) -> StreamInfoAnswer {
        StreamInfoAnswer(
            stream_id: record.id.text, stream_name: record.name.text, create_time: record.createdAt.milliseconds,
            retention_period: record.retentionHours, status: record.isFrozen ? "FROZEN" : "RUNNING",
            stream_type: record.kind.rawValue, data_type: record.dataType.rawValue,
            partition_count: record.activePartitionCount, auto_scale_enabled: record.autoScaling.isEnabled,
            auto_scale_min_partition_count: record.autoScaling.minimum,
            auto_scale_max_partition_count: record.autoScaling.maximum,
            tags: record.tags.map { TagAnswer(key: $0.key, value: $0.value) },
            sys_tags: record.systemTags.map { TagAnswer(key: $0.key, value: $0.value) })
    }

    private static func scaling(_ scaling: Scaling) -> ScalingAnswer {
        ScalingAnswer(
            create_timestamp: scaling.at.milliseconds, src_partition_count: scaling.from,
            target_partition_count: scaling.to, result_code: scaling.succeeded ? 1 : 0, auto_scale: scaling.isAutomatic)
    }

    /// PUT on a stream serves two purposes (spec section 2.0, "Routing order").
    @Sendable private func scaleOrUpdate(_ context: RequestContext) async throws -> HTTPResponse {
        let live = try stream(context)
        let body = try context.decode(UpdateStreamBody.self)
        if let target = body.target_partition_count?.value {
            let changed = try await streams.scale(live, to: target)
            return try .json(
                200,
                ScaleStreamAnswer(
                    stream_name: changed.record.name.text,
                    current_partition_count: changed.record.scalings.last?.from ?? live.record.activePartitionCount,
                    target_partition_count: target))
        }
        guard !Self.changes(body).isEmpty else { throw APIError.invalid("Invalid target_partition_count null.") }
        return try await apply(body, to: live)
    }

    @Sendable private func update(_ context: RequestContext) async throws -> HTTPResponse {
        let live = try stream(context)
        return try await apply(try context.decode(UpdateStreamBody.self), to: live)
    }

    private func apply(_ body: UpdateStreamBody, to live: LiveStream) async throws -> HTTPResponse {
        var update = Self.changes(body)
        switch body.update_type?.uppercased() {
        case nil, "": break
        case "DATA_TYPE":
            update.retentionHours = nil
            update.autoScalingEnabled = nil
            update.autoScalingMinimum = nil
            update.autoScalingMaximum = nil
        case "AUTO_SCALE":
            update.retentionHours = nil
            update.dataType = nil
            update.dataSchema = nil
        case let other?: throw APIError.invalid("update_type \(other) is invalid")
        }
        let changed = try await streams.update(live, with: update)
        return try .json(
            200,
            UpdateStreamAnswer(
                stream_name: changed.record.name.text, target_data_type: changed.record.dataType.rawValue))
    }

    private static func changes(_ body: UpdateStreamBody) -> StreamUpdate {
        var update = StreamUpdate()
        update.retentionHours = body.data_duration?.value
        update.dataType = body.data_type?.value
        update.dataSchema = body.data_schema
        update.autoScalingEnabled = body.auto_scale_enabled?.value
        update.autoScalingMinimum = body.auto_scale_min_partition_count?.value
        update.autoScalingMaximum = body.auto_scale_max_partition_count?.value
        return update
    }

    @Sendable private func delete(_ context: RequestContext) async throws -> HTTPResponse {
        try await streams.delete(try stream(context))
        return .empty(204)
    }

    @Sendable private func scalingLog(_ context: RequestContext) async throws -> HTTPResponse {
        let record = try stream(context).record
        return try .json(200, ScalingLogAnswer(update_partition_counts: record.scalings.map(Self.scaling)))
    }
}

internal import HTTPTypes
internal import SluiceCore
internal import SluicePorts
package import SluiceStreams
internal import SluiceWire

/// Apps, their state and their checkpoints (spec sections 2.2 and 2.3).
package struct AppRoutes: Sendable {
    private let streams: Streams

    package init(streams: Streams) {
        self.streams = streams
    }

    package var routes: [Route] {
        [
            Route("POST", "/v2/{project_id}/apps", create),
            Route("GET", "/v2/{project_id}/apps", list),
            Route("GET", "/v2/{project_id}/apps/{app}", show),
            Route("DELETE", "/v2/{project_id}/apps/{app}", delete),
            Route("GET", "/v2/{project_id}/apps/{app}/streams/{stream}", consumerState),
            Route("POST", "/v2/{project_id}/checkpoints", commitCheckpoint),
            Route("GET", "/v2/{project_id}/checkpoints", showCheckpoint),
            Route("DELETE", "/v2/{project_id}/checkpoints", deleteCheckpoint),
        ]
    }

    @Sendable private func create(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(CreateAppBody.self)
        guard let name = body.app_name?.value else { throw APIError.invalid("app_name is missing") }
        try await streams.createApp(named: name, in: context.project)
        return .empty(201)
    }

    @Sendable private func list(_ context: RequestContext) async throws -> HTTPResponse {
        let stream = try context.query["stream_name"].map { try streams.stream($0, in: context.project) }
        let page = try await streams.listApps(
            in: context.project, after: context.query["start_app_name"],
            limit: try context.query.limit("limit", default: 10, maximum: 100), with: stream)
        var apps: [AppAnswer] = []
        for app in page.apps { apps.append(try await answer(app, in: context.project)) }
        return try .json(200, ListAppsAnswer(has_more_app: page.hasMore, total_number: page.totalCount, apps: apps))
    }

    @Sendable private func show(_ context: RequestContext) async throws -> HTTPResponse {
        let app = try await streams.app(named: context.parameter("app"), in: context.project)
        return try .json(200, try await answer(app, in: context.project))
    }

    private func answer(_ app: App, in project: ProjectID) async throws -> AppAnswer {
        AppAnswer(
            app_id: app.id, app_name: app.name, create_time: app.createdAt.milliseconds,
            commit_checkpoint_stream_names: try await streams.streamNames(withCheckpointsOf: app.name, in: project))
    }

    @Sendable private func delete(_ context: RequestContext) async throws -> HTTPResponse {
        try await streams.deleteApp(named: context.parameter("app"), in: context.project)
        return .empty(204)
    }

    @Sendable private func consumerState(_ context: RequestContext) async throws -> HTTPResponse {
        let app = try await streams.app(named: context.parameter("app"), in: context.project)
        let stream = try streams.stream(context.parameter("stream"), in: context.project)
        try Streams.requireCheckpointType(context.query["checkpoint_type"])
        var start = PartitionNumber(0)
        if let text = context.query["start_partition_id"] {
            guard let number = PartitionNumber(parsing: text) else {
                throw StreamsError(.invalidPartitionID, "[\(text)]")
            }
            start = number
        }
        let (states, hasMore) = try await streams.consumingStates(
            app: app.name, project: context.project, stream: stream, from: start,
            limit: try context.query.limit("limit", default: 100, maximum: 1000))
        return try .json(
            200,
            ConsumerStateAnswer(
                has_more: hasMore, stream_name: stream.record.name.text, app_name: app.name,
                partition_consuming_states: states.map { state in
                    ConsumingStateAnswer(
                        partition_id: state.partition.number.description,
                        sequence_number: state.checkpoint?.sequenceNumber.description ?? "-1",
                        latest_offset: state.bounds.next.value, earliest_offset: state.bounds.first.value,
                        checkpoint_type: Streams.lastRead, status: state.partition.status.rawValue,
                        metadata: state.checkpoint?.metadata ?? "")
                }))
    }

    @Sendable private func commitCheckpoint(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(CommitCheckpointBody.self)
        guard let app = body.app_name?.value, !app.isEmpty else { throw APIError.invalid("app_name is missing") }
        _ = try await streams.app(named: app, in: context.project)
        try Streams.requireCheckpointType(body.checkpoint_type)
        let stream = try streams.stream(
            name: body.stream_name?.value, id: body.stream_id?.value, in: context.project)
        guard let partitionText = body.partition_id?.value, !partitionText.isEmpty else {
            throw APIError.invalid("partition_id is missing")
        }
        let partition = try streams.partition(partitionText, of: stream)
        guard let numberText = body.sequence_number?.value, !numberText.isEmpty else {
            throw APIError.invalid("sequence_number is missing")
        }
        guard let number = Int64(numberText) else { throw StreamsError(.invalidSequenceNumber, "[\(numberText)]") }
        var member: CommittingMember?
        if let client = body.client_id?.value, !client.isEmpty, let generation = body.generation_id?.value {
            member = CommittingMember(clientID: client, generation: generation)
        }
        try await streams.commitCheckpoint(
            app: app, project: context.project, stream: stream, partition: partition,
            sequenceNumber: SequenceNumber(number), metadata: body.metadata?.value, member: member)
        return .empty(201)
    }

    /// What the three query forms share.
    private func target(
        _ context: RequestContext
    ) throws -> (app: String, stream: LiveStream, partition: Partition?) {
        guard let app = context.query["app_name"] else { throw APIError.invalid("app_name is missing") }
        try Streams.requireCheckpointType(context.query["checkpoint_type"])
        let stream = try streams.stream(
            name: context.query["stream_name"], id: context.query["stream_id"], in: context.project)
        let partition = try context.query["partition_id"].map { try streams.partition($0, of: stream) }
        return (app, stream, partition)
    }

    @Sendable private func showCheckpoint(_ context: RequestContext) async throws -> HTTPResponse {
        let (app, stream, partition) = try target(context)
        guard let partition else { throw APIError.invalid("partition_id is missing") }
        let checkpoint = try await streams.checkpoint(
            app: app, project: context.project, stream: stream, partition: partition)
        return try .json(
            200,
            CheckpointAnswer(
                sequence_number: checkpoint?.sequenceNumber.description ?? "-1", metadata: checkpoint?.metadata ?? ""))
    }

    @Sendable private func deleteCheckpoint(_ context: RequestContext) async throws -> HTTPResponse {
        let (app, stream, partition) = try target(context)
        try await streams.deleteCheckpoints(app: app, project: context.project, stream: stream, partition: partition)
        return .empty(204)
    }
}

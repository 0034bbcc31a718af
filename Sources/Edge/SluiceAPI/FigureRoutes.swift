internal import HTTPTypes
internal import SluiceCore
package import SluiceStreams
internal import SluiceWire

/// Metrics, quotas, schema derivation and the state of uploaded files (spec sections 2.7 and 2.9).
package struct FigureRoutes: Sendable {
    private let streams: Streams

    package init(streams: Streams) {
        self.streams = streams
    }

    package var routes: [Route] {
        [
            Route("GET", "/v2/{project_id}/streams/{stream}/metrics", streamMetrics),
            Route("GET", "/v2/{project_id}/streams/{stream}/partitions/{partition}/metrics", partitionMetrics),
            Route("GET", "/v1/{project_id}/quotas", quotas),
            Route("POST", "/v1/{project_id}/schema", schema),
            Route("GET", "/v2/{project_id}/files/{file}/state", fileState),
        ]
    }

    @Sendable private func streamMetrics(_ context: RequestContext) async throws -> HTTPResponse {
        let stream = try streams.stream(context.parameter("stream"), in: context.project)
        return try answer(context, stream, partition: nil)
    }

    @Sendable private func partitionMetrics(_ context: RequestContext) async throws -> HTTPResponse {
        let stream = try streams.stream(context.parameter("stream"), in: context.project)
        let partition = try streams.partition(context.parameter("partition"), of: stream)
        return try answer(context, stream, partition: partition.number)
    }

    private func answer(
        _ context: RequestContext, _ stream: LiveStream, partition: PartitionNumber?
    ) throws -> HTTPResponse {
        let texts = (context.query["label_list"] ?? context.query["label"] ?? "").split(separator: ",").map(String.init)
        // A label named again and again would make an answer of any size.
        guard texts.count <= MetricLabel.allCases.count else {
            throw StreamsError(.invalidMetricsLabel, "[more than \(MetricLabel.allCases.count) labels]")
        }
        let window = try MetricsWindow(
            start: context.query["start_time"], end: context.query["end_time"], now: streams.time.now())
        var metrics: [MetricAnswer] = []
        for text in texts {
            guard let label = MetricLabel(parsing: text), label.isOfPartition == (partition != nil) else {
                throw StreamsError(.invalidMetricsLabel, "[\(text)]")
            }
            let points = streams.points(label, of: stream, partition: partition, in: window)
            metrics.append(
                MetricAnswer(
                    label: text, points: points.map { MetricPointAnswer(timestamp: $0.seconds, value: $0.value) }))
        }
        guard let first = metrics.first else { throw StreamsError(.invalidMetricsLabel, "[label is missing]") }
        return try .json(200, MetricsAnswer(metrics: first, metrics_list: metrics))
    }

    @Sendable private func quotas(_ context: RequestContext) async throws -> HTTPResponse {
        try .json(
            200,
            QuotasAnswer(resources: [
                QuotaAnswer(
                    type: "common_partition", quota: streams.quota(of: .common),
                    used: try streams.usedPartitions(of: .common, in: context.project)),
                QuotaAnswer(
                    type: "advanced_partition", quota: streams.quota(of: .advanced),
                    used: try streams.usedPartitions(of: .advanced, in: context.project)),
                QuotaAnswer(
                    type: "app", quota: streams.configuration.appQuota,
                    used: try await streams.appCount(in: context.project)),
            ]))
    }

    @Sendable private func schema(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(SourceSampleBody.self)
        guard let sample = body.source_data_sample else { throw APIError.invalid("source_data_sample is missing") }
        return try .json(200, SchemaAnswer(schema: try SchemaDerivation.schema(of: sample)))
    }

    /// Files are uploaded as records of a stream; none is put together on this side, so that none is found.
    @Sendable private func fileState(_ context: RequestContext) async throws -> HTTPResponse {
        let stream = try streams.stream(
            name: context.query["stream_name"], id: context.query["stream_id"], in: context.project)
        return try .json(
            200,
            FileStateAnswer(
                stream_name: stream.record.name.text, file_name: context.query["file_name"] ?? "",
                deliver_data_id: context.parameter("file"), state: "not found"))
    }
}

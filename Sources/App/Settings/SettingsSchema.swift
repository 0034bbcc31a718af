internal import SluiceCore

/// All settings there are. Flags, environment, file, help and reference page follow from this table.
package enum SettingsSchema {
    package static let groups: [SettingGroup] = [
        general, observing, auth, http, storage, streams, consumerGroups, transfer,
    ]

    package static let settings: [Setting] = groups.flatMap(\.settings)

    /// Variables with the prefix that are no settings: for the command line, and for tests and benchmarks.
    static func isForeign(variable: String) -> Bool {
        ["SLUICE_ENDPOINT", "SLUICE_PROJECT", "SLUICE_PROJECT_ID", "SLUICE_BINARY", "SLUICE_SEED", "SLUICE_FUZZ"]
            .contains(variable)
            || ["SLUICE_TEST_", "SLUICE_BENCH_"].contains { variable.hasPrefix($0) }
    }

    static func setting(_ name: String) -> Setting? {
        settings.first { $0.name.text == name }
    }

    private static let general = SettingGroup(
        title: "Server",
        settings: [
            Setting(
                "data_dir", \.dataDirectory, .text("DIR", "a folder; it is made when absent"),
                defaultText: "$XDG_DATA_HOME/sluice, else ~/.local/share/sluice",
                "Where records, catalog and credentials are kept. One server at a time may use it."),
            Setting(
                "listen", \.listen, .address,
                "Where the API is served. Only this machine can reach the default."),
            Setting(
                "region", \.region, .name("NAME", upTo: 64),
                "The region that the server says it is; clients write it into their signatures."),
            Setting(
                "public_endpoint", \.publicEndpoint, ValueFormat<ServiceURL>.url.orNone("none"),
                "The address that clients use, for answers that name the server itself. Needed behind a proxy only."),
            Setting(
                "tls.certificate_file", \.tls.certificateFile,
                ValueFormat<String>.text("FILE", "a PEM file").orNone("none"),
                "The certificate chain; with it and the key the API is served over TLS."),
            Setting(
                "tls.key_file", \.tls.keyFile, ValueFormat<String>.text("FILE", "a PEM file").orNone("none"),
                "The certificate's private key."),
        ])

    private static let observing = SettingGroup(
        title: "Logs and metrics",
        settings: [
            Setting("log.level", \.log.level, .level, "The least important messages that are still written."),
            Setting("log.format", \.log.format, .choice, "Lines for people, or one JSON object a line."),
            Setting(
                "metrics.listen", \.metrics.listen, ValueFormat<ListenAddress>.address.orNone("none"),
                "A listener of its own for `/metrics`, `/healthz` and `/readyz`. Without it they are on the main one."),
        ])

    private static let auth = SettingGroup(
        title: "Identity",
        settings: [
            Setting(
                "auth.enabled", \.auth.isEnabled, .truth,
                "Whether requests need a token or a signature. Without, whoever reaches the server may do everything."),
            Setting(
                "auth.clock_skew", \.auth.clockSkew, .duration(.seconds(1) ... .seconds(36_500 * 86_400)),
                "How far the time in a signature may be from the server's; more than minutes is for replaying old requests."
            ),
            Setting(
                "auth.strict", \.auth.isStrict, .truth,
                "Whether region and service in a signature have to be the server's own; some clients leave them empty."),
            Setting(
                "auth.failure_status", \.auth.failureStatus, .oneOf([401, 441]),
                "The status of failed authentication: 401 as clients expect it, or 441 as documented."),
            Setting(
                "auth.alternative_hosts", \.auth.alternativeHosts, .hosts,
                "Hosts that a signature may have been made for besides the one in the request, where a proxy changes it."
            ),
            Setting(
                "auth.token_life", \.auth.tokenLife, .duration(.seconds(60) ... .seconds(604_800)),
                "How long a token is valid."),
        ])

    private static let deadline = ValueFormat<Duration>.duration(.seconds(1) ... .seconds(3600))

    private static let http = SettingGroup(
        title: "HTTP",
        settings: [
            Setting(
                "http.max_head", \.http.maxHead, .size(.kibibytes(4) ... .mebibytes(1)),
                "The largest request line and headers together."),
            Setting(
                "http.max_body", \.http.maxBody, .size(.mebibytes(1) ... .mebibytes(256)),
                "The largest request body."),
            Setting(
                "http.body_memory", \.http.bodyMemory, .size(.mebibytes(16) ... .gibibytes(64)),
                "Memory for the bodies of all requests together; connections wait when it is used up."),
            Setting(
                "http.max_connections", \.http.maxConnections, .integer(1...1_000_000),
                "Connections in all."),
            Setting(
                "http.max_connections_per_address", \.http.maxConnectionsPerAddress, .integer(1...1_000_000),
                "Connections from one address."),
            Setting(
                "http.max_pipelined_requests", \.http.maxPipelinedRequests, .integer(1...1024),
                "Requests that one connection may send before the first is answered; more are read later."),
            Setting(
                "http.head_deadline", \.http.headDeadline, deadline,
                "How long a request's line and headers may take, from the first byte."),
            Setting("http.body_deadline", \.http.bodyDeadline, deadline, "How long a request's body may take."),
            Setting(
                "http.answer_deadline", \.http.answerDeadline, deadline, "How long a client may take to read an answer."
            ),
            Setting(
                "http.idle_deadline", \.http.idleDeadline, deadline,
                "How long a connection may wait for its next request."),
            Setting(
                "http.drain_deadline", \.http.drainDeadline, deadline,
                "How long requests in flight may take when the server stops."),
        ])

    private static let storage = SettingGroup(
        title: "Storage",
        settings: [
            Setting(
                "storage.segment_size", \.storage.segmentSize, .size(.mebibytes(1) ... .gibibytes(1)),
                "The length of a segment file of the log."),
            Setting(
                "storage.max_bytes", \.storage.maxBytes,
                ValueFormat<ByteCount>.size(.mebibytes(16)...ByteCount(1 << 50)).orNone("unlimited"),
                "All segment files together; the oldest records go when it is passed."),
            Setting(
                "storage.recycle_segments", \.storage.recycleSegments, .integer(0...64),
                "Freed segment files kept for the next use: writing into them is faster."),
            Setting(
                "storage.prepare_ahead", \.storage.preparesAhead, .truth,
                "Whether the next segment file is written ahead once records flow."),
            Setting(
                "storage.tail_cache", \.storage.tailCache, .size(.mebibytes(1) ... .gibibytes(16)),
                "The newest records kept in memory for readers at the end of their stream."),
            Setting(
                "storage.retention_check_interval", \.storage.retentionCheckInterval,
                .duration(.seconds(1) ... .seconds(3600)),
                "How often records past their retention are looked for."),
        ])

    private static let cap = ValueFormat<Int>.integer(0...10_000).orNone("unlimited")

    private static let streams = SettingGroup(
        title: "Streams",
        settings: [
            Setting(
                "streams.common_partition_quota", \.streams.commonPartitionQuota, .integer(0...1_000_000),
                "Partitions of COMMON streams that a project may have."),
            Setting(
                "streams.advanced_partition_quota", \.streams.advancedPartitionQuota, .integer(0...1_000_000),
                "Partitions of ADVANCED streams that a project may have."),
            Setting("streams.app_quota", \.streams.appQuota, .integer(0...1_000_000), "Apps that a project may have."),
            Setting(
                "streams.throttling", \.streams.isThrottling, .truth,
                "Whether the documented throughput of a partition is enforced."),
            Setting(
                "streams.records_per_request", \.streams.recordsPerRequest, .integer(1...100_000),
                "Records that one request may put."),
            Setting(
                "streams.default_fetch_size", \.streams.defaultFetchSize, .size(.kibibytes(1) ... .mebibytes(10)),
                "What one read returns at most when the client names no size."),
            Setting(
                "streams.max_fetch_size", \.streams.maxFetchSize, .size(.kibibytes(64) ... .mebibytes(64)),
                "What one read returns at most."),
            Setting(
                "streams.cursor_life", \.streams.cursorLife, .duration(.seconds(10) ... .seconds(86_400)),
                "How long a cursor may be used."),
            Setting(
                "streams.missing_stream_status", \.streams.missingStreamStatus, .oneOf([400, 404]),
                "The status for a stream that does not exist: 400 as documented, or 404, which Terraform needs to see that "
                    + "a stream was deleted elsewhere."),
            Setting(
                "streams.strict_checkpoints", \.streams.hasStrictCheckpoints, .truth,
                "Whether deleting a checkpoint that does not exist is an error."),
            Setting(
                "streams.auto_scaling", \.streams.isAutoScaling, .truth,
                "Whether streams that ask for it are scaled by their load."),
            Setting(
                "streams.hourly_scalings", \.streams.hourlyScalings, cap,
                "Scalings of one stream in an hour, of any kind."),
            Setting(
                "streams.hourly_manual_scale_ups", \.streams.hourlyManualScaleUps, cap,
                "Manual scale-ups of one stream in an hour."),
            Setting(
                "streams.hourly_automatic_scale_ups", \.streams.hourlyAutomaticScaleUps, cap,
                "Automatic scale-ups of one stream in an hour."),
            Setting(
                "streams.hourly_scale_downs", \.streams.hourlyScaleDowns, cap, "Scale-downs of one stream in an hour."),
            Setting(
                "streams.scaling_pause", \.streams.scalingPause, .duration(.zero ... .seconds(86_400)),
                "How long after a scaling the next one of the same stream is refused."),
        ])

    private static let consumerGroups = SettingGroup(
        title: "Consumer groups",
        settings: [
            Setting(
                "groups.join_window", \.groups.joinWindow, .duration(.zero ... .seconds(60)),
                "How long an empty group waits for more members after its first before it assigns partitions."),
            Setting(
                "groups.rebalance_window", \.groups.rebalanceWindow, .duration(.seconds(1) ... .seconds(300)),
                "How long a group waits for its known members to join again."),
            Setting(
                "groups.session_timeout", \.groups.sessionTimeout, .duration(.seconds(6) ... .seconds(1800)),
                "How long a member may be silent before it is taken out. Clients send a heartbeat each 10 s."),
            Setting("groups.max_members", \.groups.maxMembers, .integer(1...10_000), "Members of one group."),
        ])

    private static let transfer = SettingGroup(
        title: "Transfer tasks",
        settings: [
            Setting(
                "transfer.minimum_deliver_interval", \.transfer.minimumDeliverInterval,
                .duration(.seconds(1) ... .seconds(900)),
                "The shortest `deliver_time_interval` that a task may ask for; the default is the documented one."),
            Setting(
                "transfer.memory_total", \.transfer.memoryTotal, .size(.mebibytes(16) ... .gibibytes(64)),
                "Memory for the records of all tasks together."),
            Setting(
                "transfer.memory_per_task", \.transfer.memoryPerTask, .size(.mebibytes(16) ... .gibibytes(64)),
                "Memory for the records of one task."),
            Setting(
                "transfer.object_size_max", \.transfer.objectSizeMax, .size(.mebibytes(1) ... .gibibytes(1)),
                "An object is closed at this size when its task names none."),
            Setting(
                "transfer.parquet_row_group_size", \.transfer.parquetRowGroupSize,
                .size(.mebibytes(1) ... .mebibytes(64)),
                "Values of a row group in Parquet objects, at most a quarter of `transfer.memory_per_task`."),
            Setting(
                "transfer.parked_records_max", \.transfer.parkedRecordsMax, .integer(1...10_000_000),
                "A task with so many parked records stops with a reason before its next delivery."),
            Setting(
                "transfer.parked_size_max", \.transfer.parkedSizeMax, .size(.mebibytes(1) ... .gibibytes(1024)),
                "The same for the bytes of a task's parked records."),
            Setting(
                "transfer.read_size", \.transfer.readSize, .size(.kibibytes(64) ... .mebibytes(16)),
                "How much of a stream is read at once."),
            Setting(
                "transfer.retry_pause", \.transfer.retryPause, .duration(.milliseconds(10) ... .seconds(60)),
                "The pause after a first failure; it doubles from one to the next."),
            Setting(
                "transfer.retry_pause_max", \.transfer.retryPauseMax, .duration(.seconds(1) ... .seconds(3600)),
                "The longest pause between two attempts."),
        ])
}

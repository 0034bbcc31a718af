package import Observability
package import SluiceCore

/// Everything an operator may set, checked. Defaults stand here and nowhere else; `SettingsSchema` names each value.
package struct Settings: Sendable {
    /// The server's folder; the default follows the XDG base directories.
    package var dataDirectory = ""
    package var listen = ListenAddress(host: "127.0.0.1", port: 8080)
    package var region = "region1"
    /// The address that clients use, where it is not the listener's.
    package var publicEndpoint: ServiceURL?
    package var metrics = Metrics()
    package var tls = TLS()
    package var log = Log()
    package var auth = Auth()
    package var http = HTTP()
    package var storage = Storage()
    package var streams = Streams()
    package var groups = Groups()
    package var transfer = Transfer()
    /// In the order of the file; the first that fits a task wins.
    package var destinations: [DestinationSettings] = []

    package init() {}
}

// The groups, in the order of the reference page.
extension Settings {
    package struct Metrics: Sendable {
        /// A listener of its own for `/metrics`, `/healthz` and `/readyz`; they are on the main one when nil.
        package var listen: ListenAddress?
    }

    /// PEM files; both or none.
    package struct TLS: Sendable {
        package var certificateFile: String?
        package var keyFile: String?
    }

    package struct Log: Sendable {
        package enum Format: String, Sendable, CaseIterable {
            case text, json
        }

        package var level = Logger.Level.info
        package var format = Format.text
    }

    package struct Auth: Sendable {
        package var isEnabled = true
        /// How far a signature's time may be from the server's.
        package var clockSkew = Duration.seconds(900)
        /// Whether region and service in a signature's scope have to be the server's.
        package var isStrict = false
        /// 401, or the 441 of the service's error table.
        package var failureStatus = 401
        /// What may stand in place of the `Host` header in a signature, behind proxies.
        package var alternativeHosts: [String] = []
        package var tokenLife = Duration.seconds(86_400)
    }

    package struct HTTP: Sendable {
        package var maxHead = ByteCount.kibibytes(32)
        package var maxBody = ByteCount.mebibytes(12)
        /// Bodies of all requests together; connections wait when it is used up.
        package var bodyMemory = ByteCount.mebibytes(128)
        package var maxConnections = 4096
        package var maxConnectionsPerAddress = 1024
        /// Requests of one connection that wait for answers.
        package var maxPipelinedRequests = 16
        package var headDeadline = Duration.seconds(10)
        package var bodyDeadline = Duration.seconds(60)
        package var answerDeadline = Duration.seconds(120)
        package var idleDeadline = Duration.seconds(75)
        /// How long requests in flight may take after SIGTERM.
        package var drainDeadline = Duration.seconds(20)
    }

    package struct Storage: Sendable {
        package var segmentSize = ByteCount.mebibytes(128)
        /// All segments together; nil for no bound.
        package var maxBytes: ByteCount?
        /// Freed or prepared segment files kept for the next use.
        package var recycleSegments = 2
        /// Whether a segment is written ahead once appends flow.
        package var preparesAhead = true
        package var tailCache = ByteCount.mebibytes(16)
        package var retentionCheckInterval = Duration.seconds(60)
    }

    package struct Streams: Sendable {
        package var commonPartitionQuota = 50
        package var advancedPartitionQuota = 10
        package var appQuota = 100
        package var isThrottling = false
        package var recordsPerRequest = 10_000
        package var defaultFetchSize = ByteCount.mebibytes(1)
        package var maxFetchSize = ByteCount.mebibytes(10)
        package var cursorLife = Duration.seconds(300)
        /// 400 with DIS.4301, or 404 for clients that know only that.
        package var missingStreamStatus = 400
        package var hasStrictCheckpoints = false
        package var isAutoScaling = true
        /// Nil for no bound, as for the three after it.
        package var hourlyScalings: Int?
        package var hourlyManualScaleUps: Int?
        package var hourlyAutomaticScaleUps: Int?
        package var hourlyScaleDowns: Int?
        /// How long after a scaling the next one is refused.
        package var scalingPause = Duration.zero
    }

    package struct Groups: Sendable {
        package var joinWindow = Duration.seconds(1)
        /// Longer than the 10 s between two heartbeats, by which members learn that they have to join again.
        package var rebalanceWindow = Duration.seconds(12)
        package var sessionTimeout = Duration.seconds(30)
        package var maxMembers = 100
    }

    package struct Transfer: Sendable {
        package var minimumDeliverInterval = Duration.seconds(30)
        package var memoryTotal = ByteCount.mebibytes(256)
        package var memoryPerTask = ByteCount.mebibytes(64)
        package var objectSizeMax = ByteCount.mebibytes(128)
        package var parquetRowGroupSize = ByteCount.mebibytes(16)
        package var parkedRecordsMax = 100_000
        package var parkedSizeMax = ByteCount.gibibytes(1)
        package var readSize = ByteCount.mebibytes(1)
        package var retryPause = Duration.seconds(1)
        package var retryPauseMax = Duration.seconds(60)
    }
}

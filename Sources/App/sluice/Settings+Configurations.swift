internal import HTTPServer
internal import HTTPTypes
internal import Settings
internal import SluiceAPI
internal import SluiceAuth
internal import SluiceCore
internal import SluiceLog
internal import SluiceStreams
internal import SluiceTransfers

// Each room has its own configuration type; here the operator's settings become those.
extension Settings {
    var logConfiguration: LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentSize = storage.segmentSize
        configuration.sparesLimit = storage.recycleSegments
        configuration.preparesSpare = storage.preparesAhead
        configuration.bytesLimit = storage.maxBytes
        configuration.tailCacheSize = storage.tailCache
        return configuration
    }

    var streamsConfiguration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.commonPartitionQuota = streams.commonPartitionQuota
        configuration.advancedPartitionQuota = streams.advancedPartitionQuota
        configuration.appQuota = streams.appQuota
        configuration.isThrottling = streams.isThrottling
        configuration.defaultFetchSize = streams.defaultFetchSize
        configuration.maximumFetchSize = streams.maxFetchSize
        configuration.cursorLife = streams.cursorLife
        configuration.isCheckpointDeletionStrict = streams.hasStrictCheckpoints
        configuration.retentionCheckInterval = storage.retentionCheckInterval
        configuration.isAutoScaling = streams.isAutoScaling
        configuration.scalingLimits.hourly = streams.hourlyScalings
        configuration.scalingLimits.hourlyManualUp = streams.hourlyManualScaleUps
        configuration.scalingLimits.hourlyAutomaticUp = streams.hourlyAutomaticScaleUps
        configuration.scalingLimits.hourlyDown = streams.hourlyScaleDowns
        configuration.scalingLimits.pause = streams.scalingPause
        configuration.groupWindows.join = groups.joinWindow
        configuration.groupWindows.rebalance = groups.rebalanceWindow
        configuration.groupWindows.session = groups.sessionTimeout
        configuration.maximumGroupMembers = groups.maxMembers
        return configuration
    }

    var transferSettings: TransferSettings {
        var settings = TransferSettings()
        settings.minimumDeliverIntervalSeconds = Int(transfer.minimumDeliverInterval.components.seconds)
        settings.objectSizeMax = transfer.objectSizeMax
        settings.memoryTotal = transfer.memoryTotal
        settings.memoryPerTask = transfer.memoryPerTask
        settings.parquetRowGroupSize = transfer.parquetRowGroupSize
        settings.parkedRecordsMax = transfer.parkedRecordsMax
        settings.parkedSizeMax = transfer.parkedSizeMax
        settings.readSize = transfer.readSize
        settings.retryPause = transfer.retryPause
        settings.retryPauseMax = transfer.retryPauseMax
        return settings
    }

    var authenticatorSettings: Authenticator.Settings {
        var settings = Authenticator.Settings()
        settings.clockSkew = auth.clockSkew
        settings.hostAlternatives = auth.alternativeHosts
        settings.strictRegion = auth.isStrict ? region : nil
        settings.isDisabled = !auth.isEnabled
        settings.tokenLife = auth.tokenLife
        return settings
    }

    var httpConfiguration: HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration(
            host: listen.numericHost, port: Int(listen.port), refusal: Self.refusal)
        if let chain = tls.certificateFile, let key = tls.keyFile {
            configuration.certificate = HTTPServerConfiguration.Certificate(chainPath: chain, keyPath: key)
        }
        configuration.maxHeadBytes = http.maxHead.bytes
        configuration.maxBodyBytes = http.maxBody.bytes
        configuration.bodyMemoryBudget = http.bodyMemory.bytes
        configuration.maxConnections = http.maxConnections
        configuration.maxConnectionsPerAddress = http.maxConnectionsPerAddress
        configuration.headDeadline = http.headDeadline
        configuration.bodyDeadline = http.bodyDeadline
        configuration.answerDeadline = http.answerDeadline
        configuration.idleDeadline = http.idleDeadline
        // Requests that were sent in a row take effect in a row: one of a connection is answered before the next is read
        // (RFC 9112, section 9.3.2, allows more only where all of them are safe).
        configuration.maxPipelinedRequests = 1
        return configuration
    }

    /// The listener of the operator pages; nil where the main one serves them.
    var pagesConfiguration: HTTPServerConfiguration? {
        guard let listen = metrics.listen else { return nil }
        var configuration = HTTPServerConfiguration(
            host: listen.numericHost, port: Int(listen.port), refusal: Self.refusal)
        configuration.bodyMemoryBudget = ByteCount.mebibytes(1).bytes
        configuration.maxBodyBytes = ByteCount.kibibytes(64).bytes
        configuration.maxConnections = 64
        configuration.maxConnectionsPerAddress = 64
        return configuration
    }

    /// What the HTTP edge answers to what it refuses itself: the service's own error body.
    private static let refusal: @Sendable (Int, String) -> HTTPResponse = { status, reason in
        let error =
            switch status {
            case 413: APIError.tooLarge
            case 500...: APIError(status: status, code: "DIS.5000", message: "System error. [\(reason)]")
            default: APIError(status: status, code: "DIS.4200", message: "Invalid request. [\(reason)]")
            }
        return Router.identified(Router.response(to: error))
    }

    /// The address that clients use: the configured one, else the listener's.
    func endpoint(port: Int) -> String {
        if let publicEndpoint { return publicEndpoint.description }
        return url(of: listen, port: port, isSecure: tls.certificateFile != nil)
    }

    /// The URL of a listener as this machine reaches it.
    func url(of address: ListenAddress, port: Int, isSecure: Bool) -> String {
        let anyHost = address.host == "0.0.0.0" || address.host == "::"
        // The Java SDK refuses hosts without a dot, so that localhost is named by its number.
        let host = anyHost ? "127.0.0.1" : address.host.contains(":") ? "[\(address.host)]" : address.numericHost
        return "\(isSecure ? "https" : "http")://\(host):\(port)"
    }
}

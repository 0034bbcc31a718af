package import SluiceCore

/// What an operator may set about streams. Defaults are the public service's where it has one.
package struct StreamsConfiguration: Sendable {
    /// Active partitions a project may have, by class (spec section 1.2: 50 and 10).
    package var commonPartitionQuota = 50
    package var advancedPartitionQuota = 10
    /// Apps a project may have (100).
    package var appQuota = 100
    /// Whether the throughput figures of section 1.2 are enforced on each partition.
    package var isThrottling = false
    /// What one read returns when the caller names no size.
    package var defaultFetchSize = ByteCount.mebibytes(1)
    /// The most that one read returns.
    package var maximumFetchSize = ByteCount.mebibytes(10)
    /// Record data that all answers on their way to readers may hold together (64 MiB); reads get short pages beyond.
    package var answerMemory = ByteCount.mebibytes(64)
    /// How long a cursor may be used (5 minutes).
    package var cursorLife = Duration.seconds(300)
    /// Whether deleting checkpoints that do not exist is an error (DIS.4375).
    package var isCheckpointDeletionStrict = false
    /// How often records past their retention are looked for.
    package var retentionCheckInterval = Duration.seconds(60)
    /// Whether streams with automatic scaling follow their load.
    package var isAutoScaling = true
    /// Bounds of scaling; by default none, as the public pages contradict each other (spec section 8, 7).
    package var scalingLimits = ScalingLimits()
    package var groupWindows = GroupWindows()
    /// Members that one consumer group may have (100).
    package var maximumGroupMembers = 100

    package init() {}
}

/// How often the partition count of one stream may change; nil means no bound.
package struct ScalingLimits: Sendable, Equatable {
    /// Changes of any kind within an hour.
    package var hourly: Int?
    package var hourlyManualUp: Int?
    package var hourlyAutomaticUp: Int?
    package var hourlyDown: Int?
    /// How long after one change the next is refused.
    package var pause = Duration.zero

    package init() {}

    /// Why a change to `target` is refused now; nil when it is not.
    func refusal(of record: Stream, to target: Int, isAutomatic: Bool, now: Timestamp) -> String? {
        let recent = record.scalings.filter { now - $0.at < .seconds(3600) && $0.succeeded }
        if let last = record.scalings.last, now - last.at < pause { return "the last change is too recent" }
        if let hourly, recent.count >= hourly { return "more than \(hourly) changes within an hour" }
        if target < record.activePartitionCount {
            if let hourlyDown, recent.count(where: { $0.to < $0.from }) >= hourlyDown {
                return "more than \(hourlyDown) scale-downs within an hour"
            }
        } else if let limit = isAutomatic ? hourlyAutomaticUp : hourlyManualUp,
            recent.count(where: { $0.to > $0.from && $0.isAutomatic == isAutomatic }) >= limit
        {
            return "more than \(limit) scale-ups within an hour"
        }
        return nil
    }
}

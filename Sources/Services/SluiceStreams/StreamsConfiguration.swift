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
    /// How long a cursor may be used (5 minutes).
    package var cursorLife = Duration.seconds(300)
    /// Whether deleting checkpoints that do not exist is an error (DIS.4375).
    package var isCheckpointDeletionStrict = false
    /// How often records past their retention are looked for.
    package var retentionCheckInterval = Duration.seconds(60)
    package var groupWindows = GroupWindows()
    /// Members that one consumer group may have (100).
    package var maximumGroupMembers = 100

    package init() {}
}

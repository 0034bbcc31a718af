package import SluiceCore

/// The limits that transfer tasks obey.
package struct TransferSettings: Sendable {
    /// The smallest `deliver_time_interval` that a task may ask for, in seconds: 1 to 900, 30 as documented by default.
    package var minimumDeliverIntervalSeconds = 30
    /// An object is closed at this size when the task names none: 1 to 1024 MiB, by default 128 MiB.
    package var objectSizeMax: ByteCount = .mebibytes(128)
    /// Memory for record data of all tasks together; by default 256 MiB, at least 32 MiB.
    package var memoryTotal: ByteCount = .mebibytes(256)
    /// Memory for record data of one task; by default 64 MiB, at least 32 MiB.
    package var memoryPerTask: ByteCount = .mebibytes(64)
    /// How much is read from the log at once; by default 1 MiB.
    package var readSize: ByteCount = .mebibytes(1)
    /// The pause after the first failure; it doubles up to `retryPauseMax`.
    package var retryPause: Duration = .seconds(1)
    /// The longest pause between attempts (spec section 4.1: 60 s).
    package var retryPauseMax: Duration = .seconds(60)
    /// How long a destination may take to answer when a task is created or updated; by default 10 s.
    package var reachTimeout: Duration = .seconds(10)
    /// Directories that the records of one delivery may name: a delivery ends before it would need more; by default 8192.
    package var directoriesMax = 8192
    /// Records of one delivery where each of them may be noted by itself: because it is parked, or because it lies in
    /// another directory than its neighbours; by default a million.
    package var recordsMax = 1_000_000
    /// Values that one Parquet row group holds: 1 to 64 MiB, by default 16 MiB, and at most a quarter of
    /// `memoryPerTask`; writing one takes about twice as much memory.
    package var parquetRowGroupSize: ByteCount = .mebibytes(16)
    /// Parked records of one task, and the bytes of their data, that stop it: it begins no delivery while it has as many.
    package var parkedRecordsMax = 100_000
    package var parkedSizeMax: ByteCount = .gibibytes(1)
    /// Entries kept of a task's dump log (spec section 4.5: 1000).
    package var dumpLogEntries = 1000

    package init() {}

    /// Tasks that one stream may have (spec section 1.2).
    package static let tasksPerStream = 5
}

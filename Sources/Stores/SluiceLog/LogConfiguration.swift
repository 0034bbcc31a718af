package import SluiceCore

/// How a local log is kept.
package struct LogConfiguration: Sendable {
    /// Who writes, reads and tidies up.
    package enum Threading: Sendable {
        /// A writer, a maintenance and some reader threads of the log's own.
        case ownThreads
        /// Everything happens at once in the call that causes it, so that a simulation repeats exactly.
        case inline
    }

    /// Length of a full-grown segment file. 1 MiB to 1 GiB, default 128 MiB.
    package var segmentSize = ByteCount.mebibytes(128)
    /// Length of the very first segment; it is zeroed first because a sync into written space is several times faster.
    /// Default 8 MiB.
    package var firstSegmentSize = ByteCount.mebibytes(8)
    /// Freed or prepared segment files kept for the next use. 0 to 64, default 2.
    package var sparesLimit = 2
    /// Whether a spare segment is written ahead while segments fill slowly. Costs `segmentSize` of disk; default true.
    package var preparesSpare = true
    /// All segment files together, spares included; the oldest segments go when it is passed. Default nil: unlimited.
    package var bytesLimit: ByteCount?
    /// Newest batches kept in memory for readers at the tail. Default 16 MiB.
    package var tailCacheSize = ByteCount.mebibytes(16)
    /// Places of batches in sealed segments kept in memory. Default 8 MiB.
    package var indexCacheSize = ByteCount.mebibytes(8)
    /// Reader threads. 1 to 64, default 2.
    package var readerThreads = 2
    package var threading = Threading.ownThreads
    /// 64 random bits a call; a simulation passes its seeded source.
    package var random: @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }

    package init() {}

    /// Payload bytes of one round at most, unless a single call brings more. Bounds what one sync waits for.
    static let roundLimit = 16 << 20
    /// Payloads above this length are handed to the system as they lie; shorter ones are gathered in one buffer.
    static let gatherLimit = 16 << 10
    /// Bytes at the end of each segment that only deletes and trims may take, so that they work on a full disk.
    static let reserve = 64 << 10
}

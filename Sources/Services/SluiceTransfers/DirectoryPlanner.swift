internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Finds out which directories a range's records go to: one object for each.
struct DirectoryPlanner: Sendable {
    /// What goes into one directory.
    struct Share: Sendable {
        let directory: String
        let first: SequenceNumber
        var last: SequenceNumber
        var records: Int
        /// What gathering them takes in memory.
        var bytes: Int
    }

    /// A record's number, kept beside it.
    private static let numberSize = MemoryLayout<Int64>.size

    let log: any RecordLog
    let partition: PartitionID
    let text: DelimitedText
    let readSize: ByteCount
    let sorter: RecordSorter
    /// The range is cut before it would need more directories.
    let directoriesMax: Int
    let withMemory: @Sendable (_ body: () async throws -> Void) async throws -> Void

    /// The shares in the order of their first records, and the range they cover: the given one or its beginning.
    func plan(_ range: CutRange) async throws -> (shares: [Share], range: CutRange) {
        var order: [String] = []
        var shares: [String: Share] = [:]
        var covered = CutRange(first: range.first, next: range.first, bytes: 0)
        var isFull = false
        while covered.next < range.next, !isFull {
            try await withMemory {
                for stored in try await log.read(partition, from: covered.next, limit: readSize) where !isFull {
                    let skipped = covered.next.distance(from: stored.first)
                    try unsafe stored.batch.forEachRecord { index, record in
                        guard index >= skipped else { return true }
                        guard covered.next < range.next else { return false }
                        let directory = unsafe sorter.directory(of: record.data)
                        let length = text.length(ofRecord: unsafe record.data.count)
                        let size =
                            unsafe RecordBatch.recordHeaderSize + record.key.count + record.data.count
                            + Self.numberSize
                        if var share = shares.removeValue(forKey: directory) {
                            share.last = covered.next
                            share.records += 1
                            share.bytes += size
                            shares[directory] = share
                        } else {
                            isFull = shares.count >= directoriesMax
                            if isFull { return false }
                            order.append(directory)
                            shares[directory] = Share(
                                directory: directory, first: covered.next, last: covered.next, records: 1, bytes: size
                            )
                        }
                        covered.next = covered.next.advanced(by: 1)
                        covered.bytes += length
                        return true
                    }
                }
            }
        }
        return (order.compactMap { shares[$0] }, covered)
    }
}

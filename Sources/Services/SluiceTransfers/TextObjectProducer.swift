internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Reads a range from the log and gives it out as the bytes of a text object, measuring them on the way.
actor TextObjectProducer {
    private let log: any RecordLog
    private let partition: PartitionID
    private let last: SequenceNumber
    private let text: DelimitedText
    private let readSize: ByteCount
    private var position: SequenceNumber
    private var length = 0
    private var crc: UInt32 = 0

    init(
        log: any RecordLog, partition: PartitionID, first: SequenceNumber, last: SequenceNumber, text: DelimitedText,
        readSize: ByteCount
    ) {
        self.log = log
        self.partition = partition
        self.last = last
        self.text = text
        self.readSize = readSize
        position = first
    }

    /// What has been given out so far.
    var facts: ObjectFacts { ObjectFacts(length: length, crc32c: crc) }

    /// The next piece, at most one read's worth; nil at the end of the range.
    func next() async throws -> [UInt8]? {
        guard position <= last else { return nil }
        var piece: [UInt8] = []
        let batches = try await log.read(partition, from: position, limit: readSize)
        guard !batches.isEmpty else {
            throw RecordLogError(.beyondEnd, "\(partition) ends at \(position), before the planned range does")
        }
        piece.reserveCapacity(batches.reduce(0) { $0 + $1.batch.bytes.count })
        for stored in batches where position <= last {
            let skipped = position.distance(from: stored.first)
            try unsafe stored.batch.forEachRecord { index, record in
                guard index >= skipped else { return true }
                guard position <= last else { return false }
                unsafe text.append(record.data, to: &piece)
                position = position.advanced(by: 1)
                return true
            }
        }
        length += piece.count
        crc = CRC32C.checksum(piece, continuing: crc)
        return piece
    }
}

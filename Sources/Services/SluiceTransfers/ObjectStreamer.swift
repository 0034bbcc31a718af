internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Makes one object of records: pulls them, encodes them, gives the bytes out piece by piece, and measures what leaves.
actor ObjectStreamer {
    private var source: any RecordSource
    private var encoder: ObjectEncoder
    private var tracker: RunTracker
    private var isOver = false
    private var length = 0
    private var crc: UInt32 = 0

    /// - Parameter first: the number from which the runs are counted.
    init(_ source: any RecordSource, as form: DeliveryForm, first: SequenceNumber) throws {
        self.source = source
        encoder = try ObjectEncoder(form)
        tracker = RunTracker(first: first)
    }

    /// What has left so far.
    var facts: ObjectFacts { ObjectFacts(length: length, crc32c: crc) }

    /// The records that have been encoded so far.
    var records: RunTracker { tracker }

    /// The next piece, never empty; nil at the end.
    func next() async throws -> [UInt8]? {
        while !isOver {
            let piece: [UInt8]
            if try await encodePortion() {
                piece = try encoder.takeOutput()
            } else {
                isOver = true
                piece = try encoder.finish()
            }
            guard !piece.isEmpty else { continue }
            length += piece.count
            crc = CRC32C.checksum(piece, continuing: crc)
            return piece
        }
        return nil
    }

    /// Encodes what the source gives next; false at its end.
    private func encodePortion() async throws -> Bool {
        guard let portion = try await source.next() else { return false }
        encoder.reserve(portion.bytes)
        try unsafe portion.forEach { number, record in
            try unsafe encoder.append(record.data)
            tracker.add(number)
        }
        return true
    }
}

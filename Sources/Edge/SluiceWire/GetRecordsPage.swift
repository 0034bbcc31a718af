internal import CKernels
package import SluiceCore
package import SluicePorts

/// How much one GetRecords answer may hold (spec section 2.4.3).
package struct GetRecordsLimits: Sendable, Hashable {
    /// Bytes of record data before Base64.
    package var bytes: ByteCount
    package var records: Int
    /// Whether the first record is answered although it alone passes `bytes`: so when the caller gave no limit.
    package var takesFirst: Bool

    package init(bytes: ByteCount, records: Int, takesFirst: Bool) {
        self.bytes = bytes
        self.records = records
        self.takesFirst = takesFirst
    }
}

/// The records of one GetRecords answer, chosen but not yet written, so that the cursor behind them is known first.
package struct GetRecordsPage: Sendable {
    private struct Piece: Sendable {
        let batch: RecordBatch
        let first: SequenceNumber
        let selection: sluice_record_selection
    }

    private let pieces: [Piece]
    package let count: Int
    /// Where the next page begins: behind the last record, or at `start` when there is none.
    package let next: SequenceNumber
    /// Bytes of the records' data.
    package let dataBytes: ByteCount
    /// A record that is there did not fit: no more bytes are wanted.
    package let isFull: Bool

    /// Takes records from `start` on, which may lie inside the first batch; batches follow one another without a gap.
    ///
    /// - Throws: `RecordBatchError` where a batch's bytes lie wrongly.
    package init(
        of batches: [StoredBatch], from start: SequenceNumber, limits: GetRecordsLimits
    ) throws(RecordBatchError) {
        var pieces: [Piece] = []
        var count = 0
        var next = start
        var bytes = 0
        var isFull = false
        for stored in batches where stored.next > start && !isFull {
            let skip = max(0, next.distance(from: stored.first))
            var selection = sluice_record_selection()
            let outcome = unsafe stored.batch.bytes.withUnsafeBufferPointer { buffer -> Int32 in
                guard let base = buffer.baseAddress else { return 1 }
                return unsafe sluice_select_records(
                    base, buffer.count, UInt32(stored.batch.count), UInt32(skip),
                    UInt32(clamping: limits.records - count), UInt64(clamping: limits.bytes.bytes - bytes),
                    limits.takesFirst && count == 0 ? 1 : 0, &selection)
            }
            guard outcome == 0 else { throw RecordBatchError(offset: selection.end) }
            isFull = selection.full != 0 || count + Int(selection.count) >= limits.records
            guard selection.count > 0 else { continue }
            let first = stored.first.advanced(by: skip)
            pieces.append(Piece(batch: stored.batch, first: first, selection: selection))
            count += Int(selection.count)
            bytes += Int(selection.data_bytes)
            next = first.advanced(by: Int(selection.count))
        }
        self.pieces = pieces
        self.count = count
        self.next = next
        dataBytes = ByteCount(bytes)
        self.isFull = isFull
    }

    /// `application/json`; the cursor has no character that JSON would escape.
    package func json(nextCursor cursor: String) -> [UInt8] {
        var bytes: [UInt8] = []
        let tail = "],\"next_partition_cursor\":"
        bytes.reserveCapacity(pieces.reduce(64 + cursor.utf8.count) { $0 + Int($1.selection.json_bytes) })
        bytes.append(contentsOf: "{\"records\":[".utf8)
        for piece in pieces {
            unsafe append(piece, size: Int(piece.selection.json_bytes), to: &bytes, with: sluice_write_records_json)
        }
        if !pieces.isEmpty { bytes.removeLast() }
        bytes.append(contentsOf: tail.utf8)
        JSONText.append(quoted: cursor, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// `application/x-protobuf`, a GetRecordsResult.
    package func protobuf(nextCursor cursor: String) -> [UInt8] {
        var head = ProtobufWriter()
        head.append(14, text: cursor)
        var bytes = head.bytes
        bytes.reserveCapacity(pieces.reduce(bytes.count) { $0 + Int($1.selection.protobuf_bytes) })
        for piece in pieces {
            unsafe append(
                piece, size: Int(piece.selection.protobuf_bytes), to: &bytes, with: sluice_write_records_protobuf)
        }
        return bytes
    }

    private func append(
        _ piece: Piece, size: Int, to bytes: inout [UInt8],
        with write: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>, UInt32, Int64) -> Int
    ) {
        unsafe piece.batch.bytes.withUnsafeBufferPointer { records in
            guard let base = records.baseAddress else { return }
            unsafe bytes.append(atMost: size) { target in
                unsafe write(target, base + piece.selection.start, piece.selection.count, piece.first.value)
            }
        }
    }
}

package import SluiceCore

/// Records of one partition, encoded back to back in the form that the log keeps and every sink reads.
///
/// One record, little-endian, no padding:
///
///     u32 data length | u16 key length | u16 flags | i64 timestamp in ms | key bytes | data bytes
///
/// Flag 1: a partition key was given (it may be empty only when the flag is absent). Flag 2: the data ends with a
/// trailer of an uploaded file part (see `RecordFlags.filePart`). Other flags are refused by readers of version 1.
package struct RecordBatch: Sendable {
    package let bytes: [UInt8]
    package let count: Int
    /// The smallest and the largest timestamp within; equal to `Timestamp(milliseconds: 0)` when the batch is empty.
    package let timestamps: ClosedRange<Timestamp>
    /// When the server took the records, whatever stamps they carry: retention goes by this.
    package let received: Timestamp

    /// - Parameter received: by default the latest of the records' stamps.
    package init(bytes: [UInt8], count: Int, timestamps: ClosedRange<Timestamp>, received: Timestamp? = nil) {
        self.received = received ?? timestamps.upperBound
        self.bytes = bytes
        self.count = count
        self.timestamps = timestamps
    }

    /// Bytes that each record takes besides its key and data.
    package static let recordHeaderSize = 16
}

/// What a record's header says beside its lengths.
package struct RecordFlags: OptionSet, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let hasKey = RecordFlags(rawValue: 1)
    package static let filePart = RecordFlags(rawValue: 2)
}

/// A record lent while a batch is walked through; its bytes are valid only inside the closure.
@unsafe package struct RecordView {
    package let timestamp: Timestamp
    package let flags: RecordFlags
    /// UTF-8 of the partition key; empty when none was given.
    package let key: UnsafeRawBufferPointer
    package let data: UnsafeRawBufferPointer
}

/// Damage found while reading encoded records; never the caller's fault.
package struct RecordBatchError: Error, CustomStringConvertible {
    package let offset: Int

    package init(offset: Int) {
        self.offset = offset
    }

    package var description: String { "the encoded records end or lie wrongly at byte \(offset)" }
}

extension RecordBatch {
    /// Calls `body` with each record in order and its index within the batch, until `body` returns false.
    package func forEachRecord(_ body: (Int, RecordView) throws -> Bool) throws {
        try unsafe bytes.withUnsafeBytes { buffer in
            var offset = 0
            for index in 0..<count {
                guard buffer.count - offset >= Self.recordHeaderSize else { throw RecordBatchError(offset: offset) }
                let dataLength = Int(
                    UInt32(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
                let keyLength = Int(
                    UInt16(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self)))
                let flags = UInt16(
                    littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
                let time = Int64(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset + 8, as: Int64.self))
                let keyStart = offset + Self.recordHeaderSize
                let end = keyStart + keyLength + dataLength
                guard end <= buffer.count else { throw RecordBatchError(offset: offset) }
                let view = unsafe RecordView(
                    timestamp: Timestamp(milliseconds: time), flags: RecordFlags(rawValue: flags),
                    key: UnsafeRawBufferPointer(rebasing: buffer[keyStart..<keyStart + keyLength]),
                    data: UnsafeRawBufferPointer(rebasing: buffer[keyStart + keyLength..<end]))
                guard try unsafe body(index, view) else { return }
                offset = end
            }
        }
    }
}

/// Builds a `RecordBatch` record by record.
package struct RecordBatchBuilder: Sendable {
    package private(set) var bytes: [UInt8] = []
    package private(set) var count = 0
    private var earliest = Timestamp(milliseconds: .max)
    private var latest = Timestamp(milliseconds: .min)

    package init(reservingBytes: Int = 0) {
        bytes.reserveCapacity(reservingBytes)
    }

    /// Appends a record whose data is written in place: `write` gets `dataLength` uninitialised bytes to fill.
    package mutating func append(
        key: UnsafeRawBufferPointer, flags: RecordFlags, timestamp: Timestamp, dataLength: Int,
        write: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let total = RecordBatch.recordHeaderSize + key.count + dataLength
        bytes.append(addingCapacity: total) { span in
            unsafe span.withUnsafeMutableBufferPointer { buffer, initialized in
                let raw = unsafe UnsafeMutableRawBufferPointer(
                    start: UnsafeMutableRawPointer(buffer.baseAddress!) + initialized, count: total)
                unsafe raw.storeBytes(of: UInt32(dataLength).littleEndian, toByteOffset: 0, as: UInt32.self)
                unsafe raw.storeBytes(of: UInt16(key.count).littleEndian, toByteOffset: 4, as: UInt16.self)
                unsafe raw.storeBytes(of: flags.rawValue.littleEndian, toByteOffset: 6, as: UInt16.self)
                unsafe raw.storeBytes(of: timestamp.milliseconds.littleEndian, toByteOffset: 8, as: Int64.self)
                unsafe UnsafeMutableRawBufferPointer(rebasing: raw[RecordBatch.recordHeaderSize...]).copyMemory(
                    from: key)
                unsafe write(
                    UnsafeMutableRawBufferPointer(rebasing: raw[(RecordBatch.recordHeaderSize + key.count)...]))
                initialized += total
            }
        }
        count += 1
        earliest = min(earliest, timestamp)
        latest = max(latest, timestamp)
    }

    /// Appends a record with its data copied.
    package mutating func append(key: String? = nil, data: [UInt8], timestamp: Timestamp) {
        var key = key
        if key == nil {
            unsafe append(
                key: UnsafeRawBufferPointer(start: nil, count: 0), flags: [], timestamp: timestamp,
                dataLength: data.count
            ) { target in
                unsafe target.copyBytes(from: data)
            }
        } else {
            key!.withUTF8 { text in
                unsafe append(
                    key: UnsafeRawBufferPointer(text), flags: .hasKey, timestamp: timestamp, dataLength: data.count
                ) { target in unsafe target.copyBytes(from: data) }
            }
        }
    }

    /// The batch built so far; nil when it has no record.
    ///
    /// - Parameter received: by default the latest of the records' stamps.
    package func finish(received: Timestamp? = nil) -> RecordBatch? {
        guard count > 0 else { return nil }
        return RecordBatch(bytes: bytes, count: count, timestamps: earliest...latest, received: received)
    }
}

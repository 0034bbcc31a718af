internal import SluiceCore

/// What stands before each batch in a segment; see docs/LOG_FORMAT.md for the layout.
struct BatchHeader: Equatable, Sendable {
    /// What the payload holds.
    enum Kind: UInt8, Sendable {
        case records = 0
        case create = 1
        case delete = 2
        case trim = 3
        case table = 4
    }

    static let size = 88
    static let alignment = 8
    static let magic: UInt32 = 0x5442_4C53  // "SLBT"
    static let version: UInt8 = 1
    /// The longest payload that a reader believes in.
    static let largestPayload = 1 << 30

    var kind: Kind
    var payloadLength: Int
    /// Records; 0 for control entries.
    var count: Int
    /// The log's own number of the partition; 0 for control entries.
    var handle: UInt64
    var first: Int64
    var earliest: Int64
    var latest: Int64
    /// When the server took the batch, whatever stamps its records carry; 0 for control entries.
    var received: Int64
    var segment: UInt64
    /// Where in the segment the round begins that this batch was written and synced with.
    var roundStart: Int
    /// Grows with each round of a segment, also with one that failed.
    var round: UInt32
    /// Drawn at random for each segment, so that no payload can pass for a batch.
    var salt: UInt64
    var payloadChecksum: UInt32

    /// Bytes from this header to the next.
    var totalLength: Int { Self.totalLength(payload: payloadLength) }

    static func totalLength(payload: Int) -> Int {
        (size + payload + alignment - 1) / alignment * alignment
    }

    /// Appends the header, its own checksum included.
    func encode(into bytes: inout [UInt8]) {
        bytes.append(addingCapacity: Self.size) { span in
            unsafe span.withUnsafeMutableBufferPointer { buffer, initialized in
                var writer = unsafe LittleEndianWriter(
                    UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized...]))
                writer.write(Self.magic)
                writer.write(Self.version)
                writer.write(kind.rawValue)
                writer.write(UInt16(0))
                writer.write(UInt32(payloadLength))
                writer.write(UInt32(count))
                writer.write(handle)
                writer.write(first)
                writer.write(earliest)
                writer.write(latest)
                writer.write(received)
                writer.write(segment)
                writer.write(UInt32(roundStart))
                writer.write(round)
                writer.write(salt)
                writer.write(payloadChecksum)
                writer.write(unsafe CRC32C.checksum(writer.written))
                initialized += writer.offset
            }
        }
    }

    /// Whether four bytes are where a header may begin; the cheap test before `init`.
    static func mayBegin(with word: UInt32) -> Bool { word == magic }
}

extension BatchHeader {
    /// Reads a header; nil unless everything in it, its checksum first, is as a writer of this version leaves it.
    init?(decoding bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.size else { return nil }
        let bytes = bytes.prefix(Self.size)
        var reader = ByteReader(bytes)
        guard reader.next(UInt32.self) == Self.magic, reader.next(UInt8.self) == Self.version,
            let kind = reader.next(UInt8.self).flatMap(Kind.init), reader.next(UInt16.self) == 0,
            let length = reader.next(UInt32.self), let count = reader.next(UInt32.self),
            let handle = reader.next(UInt64.self), let first = reader.next(Int64.self),
            let earliest = reader.next(Int64.self), let latest = reader.next(Int64.self),
            let received = reader.next(Int64.self),
            let segment = reader.next(UInt64.self), let roundStart = reader.next(UInt32.self),
            let round = reader.next(UInt32.self), let salt = reader.next(UInt64.self),
            let payloadChecksum = reader.next(UInt32.self), let checksum = reader.next(UInt32.self)
        else { return nil }
        let computed = unsafe bytes.withUnsafeBytes {
            unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<(Self.size - 4)]))
        }
        guard checksum == computed, length <= Self.largestPayload, first >= 0, earliest <= latest,
            first <= Int64.max - Int64(count), (kind == .records) == (handle != 0)
        else { return nil }
        self.init(
            kind: kind, payloadLength: Int(length), count: Int(count), handle: handle, first: first,
            earliest: earliest, latest: latest, received: received, segment: segment, roundStart: Int(roundStart),
            round: round,
            salt: salt, payloadChecksum: payloadChecksum)
    }
}

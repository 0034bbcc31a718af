internal import SluiceCore

/// The first bytes of a segment file.
struct SegmentHeader: Equatable, Sendable {
    static let size = 64
    static let magic: UInt32 = 0x4753_4C53  // "SLSG"
    static let version: UInt32 = 1

    var segment: UInt64
    var salt: UInt64
    /// The segment written before this one; 0 for the first of a log.
    var previous: UInt64
    /// Where the valid bytes of the previous segment end, whatever may lie behind.
    var previousEnd: Int
    var created: Timestamp
    /// Length of the file when the segment began; it never gets shorter.
    var capacity: Int

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: segment)
        bytes.append(littleEndian: salt)
        bytes.append(littleEndian: previous)
        bytes.append(littleEndian: UInt64(previousEnd))
        bytes.append(littleEndian: created.milliseconds)
        bytes.append(littleEndian: UInt64(capacity))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        return bytes
    }

    init(segment: UInt64, salt: UInt64, previous: UInt64, previousEnd: Int, created: Timestamp, capacity: Int) {
        self.segment = segment
        self.salt = salt
        self.previous = previous
        self.previousEnd = previousEnd
        self.created = created
        self.capacity = capacity
    }

    /// Reads a header; nil unless it is as a writer of this version leaves it.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count >= Self.size else { return nil }
        var reader = ByteReader(bytes[..<Self.size])
        guard reader.next(UInt32.self) == Self.magic, reader.next(UInt32.self) == Self.version,
            let segment = reader.next(UInt64.self), let salt = reader.next(UInt64.self),
            let previous = reader.next(UInt64.self), let previousEnd = reader.next(UInt64.self),
            let created = reader.next(Int64.self), let capacity = reader.next(UInt64.self),
            reader.next(UInt32.self) == 0, let checksum = reader.next(UInt32.self),
            checksum == CRC32C.checksum(Array(bytes[..<(Self.size - 4)])), previousEnd <= UInt64(UInt32.max),
            previous < segment, capacity <= UInt64(UInt32.max)
        else { return nil }
        self.init(
            segment: segment, salt: salt, previous: previous, previousEnd: Int(previousEnd),
            created: Timestamp(milliseconds: created), capacity: Int(capacity))
    }
}

/// The names of the log's files.
enum SegmentName {
    static let segmentSuffix = ".seg"
    static let indexSuffix = ".idx"
    static let spareSuffix = ".spare"
    static let freshSuffix = ".new"

    static func stem(_ segment: UInt64) -> String { segment.padded(to: 20) }

    /// The number in `00000000000000000001.seg`; nil for any other name.
    static func number(in name: String, suffix: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        let stem = name.dropLast(suffix.utf8.count)
        guard stem.utf8.count == 20, stem.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt64(stem)
    }
}

internal import SluiceCore

/// The index beside a sealed segment: where each partition's batches are. Derived; it can be made again by a scan
/// unless the segment has holes.
struct IndexFile: Equatable, Sendable {
    static let magic: UInt32 = 0x5849_4C53  // "SLIX"
    static let version: UInt32 = 1
    static let headerSize = 64

    var segment: UInt64
    var salt: UInt64
    /// Where the segment's valid bytes end.
    var validEnd: Int
    /// The last round in the segment, for a segment that is taken up again after a clean stop.
    var lastRound: UInt32
    /// Sorted by handle.
    var summaries: [RunSummary]
    /// Batches of deleted partitions whose whole pages were given back, ascending.
    var holes: [Range<Int>]

    /// Bytes of the header and summaries, which are read at start; the entries follow, then the holes.
    static func headLength(summaries: Int) -> Int {
        headerSize + summaries * RunSummary.size + 4
    }

    /// The whole file for a segment's runs.
    static func encoded(
        segment: UInt64, salt: UInt64, validEnd: Int, lastRound: UInt32, runs: [UInt64: PartitionRun],
        holes: [Range<Int>] = []
    ) -> [UInt8] {
        var head: [UInt8] = []
        var table: [UInt8] = []
        var entries: [UInt8] = []
        var entryCount = 0
        for (handle, run) in runs.sorted(by: { $0.key < $1.key }) {
            let encoded = encode(run.entries)
            table.append(littleEndian: handle)
            table.append(littleEndian: run.first)
            table.append(littleEndian: run.next)
            table.append(littleEndian: run.latest)
            table.append(littleEndian: UInt32(entryCount))
            table.append(littleEndian: UInt32(run.entries.count))
            table.append(littleEndian: CRC32C.checksum(encoded))
            entries += encoded
            entryCount += run.entries.count
        }
        head.append(littleEndian: magic)
        head.append(littleEndian: version)
        head.append(littleEndian: segment)
        head.append(littleEndian: salt)
        head.append(littleEndian: UInt64(validEnd))
        head.append(littleEndian: lastRound)
        head.append(littleEndian: UInt32(runs.count))
        head.append(littleEndian: UInt32(holes.count))
        head.append(littleEndian: UInt32(entryCount))
        head.append(littleEndian: UInt64(0))
        head.append(littleEndian: UInt32(0))
        head.append(littleEndian: CRC32C.checksum(head))
        table.append(littleEndian: CRC32C.checksum(table))
        return head + table + entries + encode(holes)
    }

    private static func encode(_ holes: [Range<Int>]) -> [UInt8] {
        var bytes: [UInt8] = []
        for hole in holes {
            bytes.append(littleEndian: UInt64(hole.lowerBound))
            bytes.append(littleEndian: UInt64(hole.upperBound))
        }
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        return bytes
    }

    /// The file with other holes; nothing else moves, so a reader may hold either version of it.
    static func bytes(_ whole: [UInt8], of index: IndexFile, withHoles holes: [Range<Int>]) -> [UInt8] {
        var bytes = Array(whole.dropLast(index.holes.count * 16 + 4))
        bytes.store(littleEndian: UInt32(holes.count), at: 40)
        bytes.store(littleEndian: CRC32C.checksum(Array(bytes[..<(headerSize - 4)])), at: headerSize - 4)
        return bytes + encode(holes)
    }

    static func encode(_ entries: [BatchEntry]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * BatchEntry.size)
        for entry in entries {
            bytes.append(littleEndian: entry.firstDelta)
            bytes.append(littleEndian: entry.count)
            bytes.append(littleEndian: entry.offset)
            bytes.append(littleEndian: entry.length)
            bytes.append(littleEndian: entry.latest)
        }
        return bytes
    }

    static func decodeEntries(_ bytes: [UInt8]) -> [BatchEntry]? {
        guard bytes.count % BatchEntry.size == 0 else { return nil }
        var reader = ByteReader(bytes)
        var entries: [BatchEntry] = []
        entries.reserveCapacity(bytes.count / BatchEntry.size)
        while let delta: UInt32 = reader.next(), let count: UInt32 = reader.next(), let offset: UInt32 = reader.next(),
            let length: UInt32 = reader.next(), let latest: Int64 = reader.next()
        {
            entries.append(
                BatchEntry(firstDelta: delta, count: count, offset: offset, length: length, latest: latest))
        }
        return entries
    }

    /// Reads the head of an index file; nil when anything in it is not as a writer leaves it.
    static func read(from file: any File) throws(FileError) -> IndexFile? {
        let head = try file.read(0..<headerSize)
        var reader = ByteReader(head)
        guard head.count == headerSize, reader.next(UInt32.self) == magic, reader.next(UInt32.self) == version,
            let segment: UInt64 = reader.next(), let salt: UInt64 = reader.next(), let end: UInt64 = reader.next(),
            let lastRound: UInt32 = reader.next(), let runCount: UInt32 = reader.next(),
            let holeCount: UInt32 = reader.next(), let entryCount: UInt32 = reader.next(),
            reader.next(UInt64.self) == 0, reader.next(UInt32.self) == 0,
            reader.next(UInt32.self) == CRC32C.checksum(Array(head[..<(headerSize - 4)])), end <= UInt32.max
        else { return nil }
        let headLength = headLength(summaries: Int(runCount))
        let holesStart = headLength + Int(entryCount) * BatchEntry.size
        let size = holesStart + Int(holeCount) * 16 + 4
        guard try file.size() == size else { return nil }
        let table = try file.read(headerSize..<headLength)
        guard table.count == headLength - headerSize else { return nil }
        return decodeTable(
            table, try file.read(holesStart..<size),
            into: IndexFile(
                segment: segment, salt: salt, validEnd: Int(end), lastRound: lastRound, summaries: [], holes: []),
            runs: runCount, holes: holeCount)
    }

    private static func decodeTable(
        _ table: [UInt8], _ ranges: [UInt8], into empty: IndexFile, runs: UInt32, holes: UInt32
    ) -> IndexFile? {
        var index = empty
        var reader = ByteReader(table)
        index.summaries.reserveCapacity(Int(runs))
        for _ in 0..<runs {
            guard let handle: UInt64 = reader.next(), let first: Int64 = reader.next(),
                let next: Int64 = reader.next(), let latest: Int64 = reader.next(),
                let entryStart: UInt32 = reader.next(), let entryCount: UInt32 = reader.next(),
                let checksum: UInt32 = reader.next()
            else { return nil }
            index.summaries.append(
                RunSummary(
                    handle: handle, first: first, next: next, latest: latest, entryStart: entryStart,
                    entryCount: entryCount, entriesChecksum: checksum))
        }
        guard reader.next(UInt32.self) == CRC32C.checksum(Array(table.dropLast(4))) else { return nil }
        var rest = ByteReader(ranges)
        for _ in 0..<holes {
            guard let start: UInt64 = rest.next(), let end: UInt64 = rest.next(), start < end, end <= UInt32.max
            else { return nil }
            index.holes.append(Int(start)..<Int(end))
        }
        guard rest.next(UInt32.self) == CRC32C.checksum(Array(ranges.dropLast(4))) else { return nil }
        return index
    }

    /// The places of one run's batches, read and verified; nil when they are damaged.
    func entries(of run: RunSummary, from file: any File) throws(FileError) -> [BatchEntry]? {
        let start =
            Self.headLength(summaries: summaries.count) + Int(run.entryStart) * BatchEntry.size
        let bytes = try file.read(start..<start + Int(run.entryCount) * BatchEntry.size)
        guard bytes.count == Int(run.entryCount) * BatchEntry.size, CRC32C.checksum(bytes) == run.entriesChecksum
        else { return nil }
        return Self.decodeEntries(bytes)
    }
}

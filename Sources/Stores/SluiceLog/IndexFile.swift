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
    /// Ranges whose space was given back, ascending.
    var holes: [Range<Int>]

    /// Bytes of the header, summaries and holes, which are read at start; the entries follow.
    static func headLength(summaries: Int, holes: Int) -> Int {
        headerSize + summaries * RunSummary.size + holes * 16 + 4
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
        for hole in holes {
            table.append(littleEndian: UInt64(hole.lowerBound))
            table.append(littleEndian: UInt64(hole.upperBound))
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
        return head + table + entries
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
        let headLength = headLength(summaries: Int(runCount), holes: Int(holeCount))
        guard try file.size() == headLength + Int(entryCount) * BatchEntry.size else { return nil }
        let table = try file.read(headerSize..<headLength)
        guard table.count == headLength - headerSize else { return nil }
        return decodeTable(
            table,
            into: IndexFile(
                segment: segment, salt: salt, validEnd: Int(end), lastRound: lastRound, summaries: [], holes: []),
            runs: runCount, holes: holeCount)
    }

    private static func decodeTable(
        _ table: [UInt8], into empty: IndexFile, runs: UInt32, holes: UInt32
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
        for _ in 0..<holes {
            guard let start: UInt64 = reader.next(), let end: UInt64 = reader.next(), start <= end,
                end <= UInt32.max
            else { return nil }
            index.holes.append(Int(start)..<Int(end))
        }
        guard reader.next(UInt32.self) == CRC32C.checksum(Array(table.dropLast(4))) else { return nil }
        return index
    }

    /// The places of one run's batches, read and verified; nil when they are damaged.
    func entries(of run: RunSummary, from file: any File) throws(FileError) -> [BatchEntry]? {
        let start =
            Self.headLength(summaries: summaries.count, holes: holes.count) + Int(run.entryStart) * BatchEntry.size
        let bytes = try file.read(start..<start + Int(run.entryCount) * BatchEntry.size)
        guard bytes.count == Int(run.entryCount) * BatchEntry.size, CRC32C.checksum(bytes) == run.entriesChecksum
        else { return nil }
        return Self.decodeEntries(bytes)
    }
}

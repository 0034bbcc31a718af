internal import SluiceCore

/// Walks through a segment file from its begin and stops at the first byte that no writer could have left there.
///
/// Rules for a batch at an offset: its header is whole, names this segment and its salt, belongs to the round of the
/// batch before it or begins a later round exactly there, and its payload matches its checksum.
struct SegmentScanner {
    /// Where a scan ended.
    struct Outcome: Equatable {
        /// The end of the last valid batch.
        var end: Int
        var lastRound: UInt32
        /// Where the last round begins: 0 when that is the segment's own header and table.
        var lastRoundStart = 0
        var batches: Int
    }

    /// What lies behind the end of a scan.
    struct Remains: Equatable {
        /// The offset of a batch whose round began behind the end: proof that the bytes at the end had been synced.
        var proofOfDamage: Int?
        /// Headers of the round that was never acknowledged.
        var headers: [Int] = []
        var lastRound: UInt32 = 0
    }

    /// Bytes read at once.
    private static let chunkSize = 1 << 20

    private let file: any File
    private var chunk: [UInt8] = []
    private var chunkStart = 0

    init(_ file: any File) {
        self.file = file
    }

    /// The segment's own header; nil when it is damaged or another segment's.
    mutating func header(of segment: UInt64) throws(FileError) -> SegmentHeader? {
        guard let header = SegmentHeader(decoding: try bytes(0..<SegmentHeader.size)), header.segment == segment
        else { return nil }
        return header
    }

    /// Visits the valid batches up to `limit`, with the payload where it is a control entry's; `holes` are passed over.
    mutating func scan<Failure: Error>(
        _ header: SegmentHeader, limit: Int, holes: [Range<Int>] = [],
        visit: (BatchHeader, Int, [UInt8]?) throws(Failure) -> Void
    ) throws -> Outcome {
        var outcome = Outcome(end: SegmentHeader.size, lastRound: 0, batches: 0)
        var roundStart = 0
        var isBehindHole = false
        var holes = holes[...]
        while outcome.end + BatchHeader.size <= limit {
            if let hole = holes.first, hole.lowerBound <= outcome.end {
                outcome.end = max(outcome.end, hole.upperBound)
                isBehindHole = true
                holes.removeFirst()
                continue
            }
            let offset = outcome.end
            guard let batch = BatchHeader(decoding: try bytes(offset..<offset + BatchHeader.size)[...]),
                batch.segment == header.segment, batch.salt == header.salt,
                batch.round == outcome.lastRound && batch.roundStart == roundStart
                    || batch.round > outcome.lastRound
                        && (batch.roundStart == offset || isBehindHole && batch.roundStart < offset),
                offset + batch.totalLength <= limit
            else { break }
            let start = offset + BatchHeader.size
            let payload = start..<start + batch.payloadLength
            let control = batch.kind == .records ? nil : try bytes(payload)
            let checksum = try control.map { CRC32C.checksum($0) } ?? checksum(payload)
            guard checksum == batch.payloadChecksum else { break }
            try visit(batch, offset, control)
            roundStart = batch.roundStart
            isBehindHole = false
            outcome = Outcome(
                end: offset + batch.totalLength, lastRound: batch.round, lastRoundStart: roundStart,
                batches: outcome.batches + 1)
        }
        return outcome
    }

    /// How far behind the end of the valid batches others are looked for: a round and the one after it.
    private static let searchLimit = 2 * LogConfiguration.roundLimit

    /// Looks behind `end` for batches of this segment; `salt` is nil when its header is damaged.
    mutating func remains(after end: Int, of segment: UInt64, salt: UInt64?) throws(FileError) -> Remains {
        var remains = Remains()
        let size = min(try file.size(), end + Self.searchLimit)
        var offset = (end + BatchHeader.alignment - 1) / BatchHeader.alignment * BatchHeader.alignment
        while offset + BatchHeader.size <= size {
            try load(offset..<min(size, offset + Self.chunkSize))
            let candidates = Self.candidates(in: chunk, from: offset - chunkStart)
            for candidate in candidates {
                let at = chunkStart + candidate
                guard let batch = BatchHeader(decoding: try peek(at..<at + BatchHeader.size)[...]),
                    batch.segment == segment, salt.map({ $0 == batch.salt }) ?? true
                else { continue }
                remains.lastRound = max(remains.lastRound, batch.round)
                if batch.roundStart > end {
                    remains.proofOfDamage = at
                    return remains
                }
                remains.headers.append(at)
            }
            offset = chunkStart + chunk.count / BatchHeader.alignment * BatchHeader.alignment
        }
        return remains
    }

    /// Aligned offsets within a chunk where the magic stands.
    private static func candidates(in chunk: [UInt8], from start: Int) -> [Int] {
        unsafe chunk.withUnsafeBytes { bytes in
            var found: [Int] = []
            var offset = start
            while offset + 4 <= bytes.count {
                let word = UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                if BatchHeader.mayBegin(with: word) { found.append(offset) }
                offset += BatchHeader.alignment
            }
            return found
        }
    }

    private mutating func load(_ range: Range<Int>) throws(FileError) {
        guard chunkStart != range.lowerBound || chunk.count < range.count else { return }
        chunk = try file.read(range)
        chunkStart = range.lowerBound
    }

    /// Bytes without moving the chunk, for a header that may reach beyond it.
    private func peek(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        if range.lowerBound >= chunkStart, range.upperBound <= chunkStart + chunk.count {
            return Array(chunk[range.lowerBound - chunkStart..<range.upperBound - chunkStart])
        }
        return try file.read(range)
    }

    private mutating func bytes(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        if range.count > Self.chunkSize { return try file.read(range) }
        if range.lowerBound < chunkStart || range.upperBound > chunkStart + chunk.count {
            try load(range.lowerBound..<range.lowerBound + Self.chunkSize)
        }
        return try peek(range)
    }

    private mutating func checksum(_ range: Range<Int>) throws(FileError) -> UInt32 {
        var checksum: UInt32 = 0
        var offset = range.lowerBound
        while offset < range.upperBound {
            if offset < chunkStart || offset >= chunkStart + chunk.count {
                try load(offset..<offset + Self.chunkSize)
                if chunk.isEmpty { break }
            }
            let end = min(range.upperBound, chunkStart + chunk.count)
            let part = offset - chunkStart..<end - chunkStart
            checksum = unsafe chunk.withUnsafeBytes {
                unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[part]), continuing: checksum)
            }
            offset = end
        }
        return checksum
    }
}

internal import Compression

/// What all columns of a file share while they make pages, one after the other: working memory and the compressor.
struct PageTools: ~Copyable {
    /// The page being made, before compression.
    var body = GrowingBuffer()
    /// Dictionary indexes of the page, four bytes each.
    var indexes = GrowingBuffer()
    private let isCompressed: Bool
    private var compressor: BlockCompressor

    enum PageType: Int32 {
        case data = 0
        case dictionary = 2
    }

    init(_ codec: ParquetFile.Codec, zstdLevel: Int) throws(CompressionError) {
        isCompressed = codec != .none
        switch codec {
        case .none, .snappy: compressor = .snappy()
        case .zstd: compressor = try .zstd(level: zstdLevel)
        }
    }

    var memoryUsed: Int { body.capacity + indexes.capacity + compressor.memoryUsed }

    /// Appends levels behind their length.
    mutating func append(levels: borrowing GrowingBuffer, upTo largest: UInt8) {
        let start = body.count
        body.append(UInt32(0))
        let values = unsafe UnsafeBufferPointer(
            start: levels.start.assumingMemoryBound(to: UInt8.self), count: levels.count)
        unsafe RunEncoder.append(values, bitWidth: RunEncoder.bitWidth(of: Int(largest)), to: &body)
        body.store(UInt32(truncatingIfNeeded: body.count - start - 4), at: start)
    }

    /// Appends `indexes` behind their bit width.
    mutating func append(indexesOfWidth width: Int) {
        body.append(UInt8(width))
        let values = unsafe UnsafeBufferPointer(
            start: indexes.start.assumingMemoryBound(to: UInt32.self), count: indexes.count / 4)
        unsafe RunEncoder.append(values, bitWidth: width, to: &body)
    }

    /// Appends values as they are; booleans become bits.
    mutating func append(plain values: borrowing GrowingBuffer, isBoolean: Bool) {
        guard isBoolean else { return unsafe body.append(values.bytes) }
        let bytes = unsafe values.bytes
        body.reserve(bytes.count / 8 + 1)
        for start in stride(from: 0, to: bytes.count, by: 8) {
            var bits: UInt8 = 0
            for index in start..<min(start + 8, bytes.count) { bits |= unsafe bytes[index] << UInt8(index - start) }
            body.append(bits)
        }
    }

    /// Appends `body` as a page to `target`: header, checksum, compressed bytes. Returns the size without compression.
    mutating func finishPage(
        into target: inout GrowingBuffer, type: PageType, _ details: (inout ThriftCompactWriter) -> Void
    ) throws(CompressionError) -> Int {
        guard isCompressed else {
            return unsafe append(body.bytes, to: &target, type, details)
        }
        let bound = compressor.bound(body.count)
        indexes.removeAll()
        indexes.reserve(bound)
        let room = unsafe UnsafeMutableRawBufferPointer(start: indexes.start, count: bound)
        let size = try unsafe compressor.compress(body.bytes, into: room)
        return unsafe append(UnsafeRawBufferPointer(rebasing: room.prefix(size)), to: &target, type, details)
    }

    private func append(
        _ page: UnsafeRawBufferPointer, to target: inout GrowingBuffer, _ type: PageType,
        _ details: (inout ThriftCompactWriter) -> Void
    ) -> Int {
        var header = ThriftCompactWriter()
        header.structure {
            $0.field(1, type.rawValue)
            $0.field(2, Int32(truncatingIfNeeded: body.count))
            $0.field(3, Int32(truncatingIfNeeded: page.count))
            $0.field(4, Int32(bitPattern: unsafe CRC32.checksum(page)))
            details(&$0)
        }
        target.append(header.bytes)
        unsafe target.append(page)
        return header.bytes.count + body.count
    }
}

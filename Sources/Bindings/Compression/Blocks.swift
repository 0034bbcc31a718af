internal import CLZ4
internal import CSnappy

/// Raw LZ4 blocks (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md).
enum LZ4Block {
    /// A block of n bytes stands for at most 255 times as many.
    private static let largestRatio = 255

    static func decompress(_ bytes: UnsafeRawBufferPointer, size: Int?) throws(CompressionError) -> [UInt8] {
        guard let size else { throw CompressionError(.sizeMissing, "the block's length is not announced") }
        guard size <= bytes.count * largestRatio, size <= Int(LZ4_MAX_INPUT_SIZE), bytes.count <= Int(Int32.max) else {
            throw CompressionError(.damaged, "\(bytes.count) bytes can not stand for \(size)")
        }
        guard size > 0 else {
            // An empty block is one zero byte.
            guard bytes.elementsEqual([0]) else { throw CompressionError(.damaged, "the block is damaged") }
            return []
        }
        let plain = [UInt8](unsafeUninitializedCapacity: size) { target, count in
            let written = LZ4_decompress_safe(
                bytes.baseAddress, target.baseAddress, Int32(bytes.count), Int32(size))
            count = max(0, Int(written))
        }
        guard plain.count == size else { throw CompressionError(.damaged, "the block is damaged") }
        return plain
    }

    static func compress(_ bytes: [UInt8]) throws(CompressionError) -> [UInt8] {
        guard bytes.count <= Int(LZ4_MAX_INPUT_SIZE) else {
            throw CompressionError(.tooLarge, "a block holds at most \(LZ4_MAX_INPUT_SIZE) bytes")
        }
        let bound = Int(LZ4_compressBound(Int32(bytes.count)))
        let block = [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            count = max(0, Int(LZ4_compress_default(bytes, target.baseAddress, Int32(bytes.count), Int32(bound))))
        }
        guard !block.isEmpty else { throw CompressionError(.failed, "lz4 could not compress") }
        return block
    }
}

/// Raw snappy blocks (https://github.com/google/snappy/blob/main/format_description.txt).
enum SnappyBlock {
    /// The densest element: 64 bytes from two.
    private static let largestRatio = 64

    static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        guard let source = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else {
            throw CompressionError(.damaged, "the block is empty")
        }
        var size = 0
        guard snappy_uncompressed_length(source, bytes.count, &size) == SNAPPY_OK else {
            throw CompressionError(.damaged, "the block has no length")
        }
        try Compression.check(size, limit)
        guard size <= bytes.count * largestRatio else {
            throw CompressionError(.damaged, "\(bytes.count) bytes can not stand for \(size)")
        }
        var status = SNAPPY_OK
        let plain = [UInt8](unsafeUninitializedCapacity: size + 1) { target, count in
            count = size
            status = target.withMemoryRebound(to: CChar.self) { target in
                target.baseAddress.map { snappy_uncompress(source, bytes.count, $0, &count) } ?? SNAPPY_INVALID_INPUT
            }
            if status != SNAPPY_OK { count = 0 }
        }
        guard status == SNAPPY_OK, plain.count == size else {
            throw CompressionError(.damaged, "the block is damaged")
        }
        return plain
    }

    static func compress(_ bytes: [UInt8]) throws(CompressionError) -> [UInt8] {
        guard bytes.count <= Int(UInt32.max) else {
            throw CompressionError(.tooLarge, "a block holds at most \(UInt32.max) bytes")
        }
        var status = SNAPPY_OK
        let bound = snappy_max_compressed_length(bytes.count)
        let block = [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            count = bound
            status = bytes.withUnsafeBytes { source in
                target.withMemoryRebound(to: CChar.self) { target in
                    guard let start = target.baseAddress else { return SNAPPY_BUFFER_TOO_SMALL }
                    // An empty array may have no address; its length is what counts.
                    let from = source.baseAddress?.assumingMemoryBound(to: CChar.self) ?? UnsafePointer(start)
                    return snappy_compress(from, source.count, start, &count)
                }
            }
            if status != SNAPPY_OK { count = 0 }
        }
        guard status == SNAPPY_OK else { throw CompressionError(.failed, "snappy could not compress") }
        return block
    }
}

internal import CSnappy
internal import CZstd

/// Compresses whole blocks one after the other into memory of the caller, with one state for all of them.
///
/// The same bytes always give the same block. Not thread-safe; may move between threads.
package struct BlockCompressor: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the context has one owner, which alone can call it.
    private let zstd: OpaquePointer?
    private let level: Int32

    /// Raw snappy blocks, with their length in front.
    package static func snappy() -> BlockCompressor {
        BlockCompressor(zstd: nil, level: 0)
    }

    /// Whole zstd frames with their length inside, without a checksum.
    ///
    /// - Parameter level: 1 to 19; outside it is cut to that range.
    package static func zstd(level: Int) throws(CompressionError) -> BlockCompressor {
        guard let context = ZSTD_createCCtx() else { throw CompressionError(.failed, "zstd has no memory") }
        return BlockCompressor(zstd: context, level: Int32(min(max(level, 1), 19)))
    }

    private init(zstd: OpaquePointer?, level: Int32) {
        self.zstd = zstd
        self.level = level
    }

    deinit {
        if let zstd { ZSTD_freeCCtx(zstd) }
    }

    /// The most bytes that a block of `count` bytes can take.
    package func bound(_ count: Int) -> Int {
        zstd == nil ? snappy_max_compressed_length(count) : ZSTD_compressBound(count)
    }

    /// Bytes that the state itself takes.
    package var memoryUsed: Int {
        zstd.map { ZSTD_sizeof_CCtx($0) } ?? 0
    }

    /// Writes the block for `bytes` into `target`, which holds at least their `bound`; returns its length.
    package mutating func compress(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        guard let start = target.baseAddress, target.count >= bound(bytes.count) else {
            throw CompressionError(.failed, "the target is smaller than the block may become")
        }
        if let zstd {
            let written = ZSTD_compressCCtx(zstd, start, target.count, bytes.baseAddress, bytes.count, level)
            guard ZSTD_isError(written) == 0 else {
                throw CompressionError(.failed, String(cString: ZSTD_getErrorName(written)))
            }
            return written
        }
        let output = start.assumingMemoryBound(to: CChar.self)
        // An empty block may have no address; its length is what counts.
        let input = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? UnsafePointer(output)
        var written = target.count
        guard snappy_compress(input, bytes.count, output, &written) == SNAPPY_OK else {
            throw CompressionError(.failed, "snappy could not compress")
        }
        return written
    }
}

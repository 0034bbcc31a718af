internal import CZstd

/// Whole zstd frames (RFC 8878).
enum ZstdFrame {
    /// Frames that need a larger window to decode are refused: 8 MiB, what every decoder must support (RFC 8878, 3.1.1.1.2).
    private static let largestWindowLog: Int32 = 23

    static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        guard let context = ZSTD_createDCtx() else { throw CompressionError(.failed, "zstd has no memory") }
        defer { ZSTD_freeDCtx(context) }
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, largestWindowLog)

        // The frame may say its length: the two largest values mean that it does not, or that it is no frame.
        let announced = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
        let unknown = UInt64.max
        guard announced != unknown - 1 else { throw CompressionError(.damaged, "no zstd frame") }
        if announced != unknown { try Compression.check(Int(clamping: announced), limit) }

        var plain: [UInt8] = []
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var room = announced != unknown ? Int(announced) : max(bytes.count * 4, 1 << 16)
        var left = 1
        while left != 0 {
            var isFull = false
            // One byte more than the limit shows that there is more.
            plain.append(atMost: max(1, min(room, limit + 1 - plain.count))) { target in
                var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                repeat {
                    left = ZSTD_decompressStream(context, &output, &input)
                } while ZSTD_isError(left) == 0 && left > 0 && input.pos < input.size && output.pos < output.size
                isFull = output.pos == output.size
                return output.pos
            }
            guard ZSTD_isError(left) == 0 else {
                throw CompressionError(.damaged, String(cString: ZSTD_getErrorName(left)))
            }
            guard plain.count <= limit else {
                throw CompressionError(.tooLarge, "more than \(limit) bytes once decompressed")
            }
            // With room left the library has given all that the input yields.
            guard left == 0 || isFull else { throw CompressionError(.damaged, "the frame is cut short") }
            room = max(plain.count, 1 << 12)
        }
        guard input.pos == input.size else { throw CompressionError(.damaged, "bytes follow the frame") }
        return plain
    }
}

extension [UInt8] {
    /// Lets `fill` write up to `count` bytes behind the last one and say how many it has written.
    mutating func append(atMost count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { buffer, initialized in
                let target = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[initialized...]))
                initialized += fill(UnsafeMutableRawBufferPointer(rebasing: target.prefix(count)))
            }
        }
    }
}

/// Writes one zstd frame piece by piece.
///
/// Not thread-safe; may move between threads. After an error or `finish` it is of no further use.
package struct ZstdEncoder: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the context has one owner, which alone can call it.
    private let context: OpaquePointer

    package static let defaultLevel = 3

    /// - Parameter level: 1 to 19; outside it is cut to that range.
    package init(level: Int = defaultLevel) throws(CompressionError) {
        guard let context = ZSTD_createCCtx() else { throw CompressionError(.failed, "zstd has no memory") }
        self.context = context
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(min(max(level, 1), 19)))
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    /// Takes more bytes; appends what is ready of the frame to `target`.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, to target: inout [UInt8]) throws(CompressionError) {
        try run(bytes, ZSTD_e_continue, into: &target)
    }

    /// Takes more bytes; appends what is ready of the frame to `target`.
    package mutating func append(_ bytes: [UInt8], to target: inout [UInt8]) throws(CompressionError) {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(CompressionError) in try run(buffer, ZSTD_e_continue, into: &target) }
        }.get()
    }

    /// Appends the end of the frame.
    package mutating func finish(into target: inout [UInt8]) throws(CompressionError) {
        try run(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, into: &target)
    }

    private func run(
        _ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective, into target: inout [UInt8]
    ) throws(CompressionError) {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var left = 0
        repeat {
            target.append(atMost: ZSTD_CStreamOutSize()) { room in
                var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                left = ZSTD_compressStream2(context, &output, &input, directive)
                return output.pos
            }
            guard ZSTD_isError(left) == 0 else {
                throw CompressionError(.failed, String(cString: ZSTD_getErrorName(left)))
            }
        } while input.pos < input.size || (directive == ZSTD_e_end && left > 0)
    }
}

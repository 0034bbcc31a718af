internal import CZlib

/// Inflates a gzip file piece by piece: one or more members (RFC 1952), whatever compressor has made them.
///
/// Not thread-safe; may move between threads. After an error it is of no further use.
package struct InflateDecoder: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the stream has one owner, which alone can call it.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isAtEnd = false

    /// Bytes handed out at once.
    private static let pieceSize = 1 << 16

    package init() throws(CompressionError) {
        // zlib keeps the address of its state: it must not move.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw CompressionError(.failed, "zlib has no memory")
        }
        self.stream = stream
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Takes more of the file; hands out what that stands for in pieces of at most 64 KiB, whatever it grows to.
    package mutating func append(_ bytes: [UInt8], _ body: ([UInt8]) -> Void) throws(CompressionError) {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(CompressionError) in try append(buffer, body) }
        }.get()
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer, _ body: ([UInt8]) -> Void) throws(CompressionError) {
        guard bytes.count <= Int(UInt32.max) else { throw CompressionError(.tooLarge, "more than 4 GiB at once") }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        var hasMore = true
        while hasMore {
            if isAtEnd {
                guard stream.pointee.avail_in > 0 else { return }
                guard inflateReset(stream) == Z_OK else { throw CompressionError(.failed, "zlib cannot go on") }
                isAtEnd = false
            }
            var status = Z_OK
            var piece: [UInt8] = []
            piece.append(atMost: Self.pieceSize) { room in
                stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(room.count)
                status = inflate(stream, Z_NO_FLUSH)
                return room.count - Int(stream.pointee.avail_out)
            }
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                throw CompressionError(
                    .damaged, stream.pointee.msg.map { String(cString: $0) } ?? "the data is damaged")
            }
            if !piece.isEmpty { body(piece) }
            isAtEnd = status == Z_STREAM_END
            // With room left zlib has given all that the input yields.
            hasMore = isAtEnd || stream.pointee.avail_out == 0
        }
    }

    /// Says that nothing follows.
    /// - Throws: `damaged` when the file is cut short.
    package func finish() throws(CompressionError) {
        guard isAtEnd else { throw CompressionError(.damaged, "the data is cut short") }
    }
}

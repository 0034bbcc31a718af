internal import CZlib

/// The three wrappings of deflated data.
package enum DeflateFormat: Sendable, Hashable {
    /// RFC 1952.
    case gzip
    /// RFC 1950.
    case zlib
    /// RFC 1951 alone.
    case bare

    /// zlib's way to choose it: the largest window of 32 KiB, negative without a wrapping, 16 more for gzip.
    fileprivate var windowBits: Int32 {
        switch self {
        case .gzip: MAX_WBITS + 16
        case .zlib: MAX_WBITS
        case .bare: -MAX_WBITS
        }
    }
}

/// Whole deflated bodies.
enum Inflater {
    /// Whether a `deflate` body has zlib's two bytes in front: method 8, a window of at most 32 KiB, a multiple of 31.
    static func format(ofDeflate bytes: UnsafeRawBufferPointer) -> DeflateFormat {
        guard bytes.count >= 2, bytes[0] & 0x0f == 8, bytes[0] >> 4 <= 7 else { return .bare }
        return (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0 ? .zlib : .bare
    }

    static func decompress(
        _ bytes: UnsafeRawBufferPointer, _ format: DeflateFormat, limit: Int
    ) throws(CompressionError) -> [UInt8] {
        guard bytes.count <= Int(UInt32.max) else { throw CompressionError(.tooLarge, "more than 4 GiB") }
        // zlib keeps the address of its state: it must not move.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        guard inflateInit2_(stream, format.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw CompressionError(.failed, "zlib has no memory")
        }
        defer { inflateEnd(stream) }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)

        var plain: [UInt8] = []
        var room = max(bytes.count * 4, 1 << 12)
        while true {
            var status = Z_OK
            plain.append(atMost: max(1, min(room, limit + 1 - plain.count, Int(UInt32.max)))) { target in
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(target.count)
                status = inflate(stream, Z_NO_FLUSH)
                return target.count - Int(stream.pointee.avail_out)
            }
            guard plain.count <= limit else {
                throw CompressionError(.tooLarge, "more than \(limit) bytes once decompressed")
            }
            if status == Z_STREAM_END {
                guard stream.pointee.avail_in > 0 else { return plain }
                // Members of gzip may follow one another (RFC 1952, 2.2).
                guard format == .gzip, inflateReset(stream) == Z_OK else {
                    throw CompressionError(.damaged, "bytes follow the compressed data")
                }
                continue
            }
            guard status == Z_OK else {
                let reason = stream.pointee.msg.map { String(cString: $0) } ?? "the data is cut short or damaged"
                throw CompressionError(.damaged, reason)
            }
            // With room left zlib has given all that the input yields.
            guard stream.pointee.avail_out == 0 else { throw CompressionError(.damaged, "the data is cut short") }
            room = max(plain.count, 1 << 12)
        }
    }
}

/// Deflates piece by piece, as one gzip member or zlib stream: the same bytes for the same input, without a time stamp.
///
/// Not thread-safe; may move between threads. After an error or `finish` it is of no further use.
package struct DeflateEncoder: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the stream has one owner, which alone can call it.
    private let stream: UnsafeMutablePointer<z_stream>

    package static let defaultLevel = 6
    private static let pieceSize = 1 << 16

    /// - Parameter level: 1 to 9; outside it is cut to that range.
    package init(_ format: DeflateFormat, level: Int = defaultLevel) throws(CompressionError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let memoryLevel: Int32 = 8
        let status = deflateInit2_(
            stream, Int32(min(max(level, 1), 9)), Z_DEFLATED, format.windowBits, memoryLevel, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            throw CompressionError(.failed, "zlib has no memory")
        }
        self.stream = stream
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Takes more bytes; appends what is ready to `target`.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, to target: inout [UInt8]) throws(CompressionError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int(Int32.max))
            rest = rest.dropFirst(piece.count)
            try run(UnsafeRawBufferPointer(rebasing: piece), Z_NO_FLUSH, into: &target)
        }
    }

    /// Takes more bytes; appends what is ready to `target`.
    package mutating func append(_ bytes: [UInt8], to target: inout [UInt8]) throws(CompressionError) {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(CompressionError) in try append(buffer, to: &target) }
        }.get()
    }

    /// Appends the end.
    package mutating func finish(into target: inout [UInt8]) throws(CompressionError) {
        try run(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, into: &target)
    }

    private func run(
        _ bytes: UnsafeRawBufferPointer, _ flush: Int32, into target: inout [UInt8]
    ) throws(CompressionError) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        var status = Z_OK
        repeat {
            target.append(atMost: Self.pieceSize) { room in
                stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(room.count)
                status = deflate(stream, flush)
                return room.count - Int(stream.pointee.avail_out)
            }
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                throw CompressionError(.failed, "zlib answers \(status)")
            }
        } while stream.pointee.avail_out == 0 || (flush == Z_FINISH && status != Z_STREAM_END)
    }
}

/// How a body is compressed, by the names that `Content-Encoding` carries.
package enum ContentCoding: String, Sendable, Hashable, CaseIterable {
    /// One raw LZ4 block without a frame; its length comes beside it.
    case lz4
    /// One raw snappy block.
    case snappy
    /// One zstd frame.
    case zstd
    /// One or more gzip members (RFC 1952).
    case gzip
    /// A zlib stream (RFC 1950), or a bare deflate stream (RFC 1951) as many clients send it.
    case deflate

    /// The coding of a header's value, in any case, `x-gzip` included; nil for another.
    package init?(contentEncoding value: some StringProtocol) {
        let name = value.lowercased()
        self.init(rawValue: name == "x-gzip" ? "gzip" : name)
    }
}

/// Decompresses and compresses whole bodies over zlib, zstd, lz4 and snappy.
///
/// Every call has its own state and only computes; nothing waits. Any zlib 1.2, zstd 1.4, lz4 1.9 and snappy 1.1 will do.
package enum Compression {
    /// The bytes that `bytes` stand for.
    ///
    /// No more than `limit` bytes are allocated for them, and none before the announced length has been compared with it
    /// and with what so few compressed bytes can stand for at all.
    ///
    /// - Parameters:
    ///   - announcedSize: the length once decompressed, where a header says it; required for `lz4`, else it must be right.
    ///   - limit: the largest length that is accepted.
    package static func decompress(
        _ bytes: UnsafeRawBufferPointer, as coding: ContentCoding, announcedSize: Int? = nil, limit: Int
    ) throws(CompressionError) -> [UInt8] {
        if let announcedSize {
            guard announcedSize >= 0 else { throw CompressionError(.damaged, "the announced length is negative") }
            try check(announcedSize, limit)
        }
        let plain =
            switch coding {
            case .lz4: try LZ4Block.decompress(bytes, size: announcedSize)
            case .snappy: try SnappyBlock.decompress(bytes, limit: limit)
            case .zstd: try ZstdFrame.decompress(bytes, limit: limit)
            case .gzip: try Inflater.decompress(bytes, .gzip, limit: limit)
            case .deflate: try Inflater.decompress(bytes, Inflater.format(ofDeflate: bytes), limit: limit)
            }
        if let announcedSize, announcedSize != plain.count {
            throw CompressionError(.damaged, "\(announcedSize) bytes were announced, \(plain.count) came")
        }
        return plain
    }

    /// The bytes that an array stands for.
    package static func decompress(
        _ bytes: [UInt8], as coding: ContentCoding, announcedSize: Int? = nil, limit: Int
    ) throws(CompressionError) -> [UInt8] {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(CompressionError) in
                try decompress(buffer, as: coding, announcedSize: announcedSize, limit: limit)
            }
        }.get()
    }

    /// The compressed form: the same for the same bytes, level and library.
    ///
    /// - Parameter level: 1 to 9 for `gzip` and `deflate` (6 by default), 1 to 19 for `zstd` (3 by default); others have
    ///   none.
    package static func compress(
        _ bytes: [UInt8], as coding: ContentCoding, level: Int? = nil
    ) throws(CompressionError) -> [UInt8] {
        switch coding {
        case .lz4: return try LZ4Block.compress(bytes)
        case .snappy: return try SnappyBlock.compress(bytes)
        case .zstd:
            var encoder = try ZstdEncoder(level: level ?? ZstdEncoder.defaultLevel)
            var plain: [UInt8] = []
            try encoder.append(bytes, to: &plain)
            try encoder.finish(into: &plain)
            return plain
        case .gzip, .deflate:
            var encoder = try DeflateEncoder(
                coding == .gzip ? .gzip : .zlib, level: level ?? DeflateEncoder.defaultLevel)
            var plain: [UInt8] = []
            try encoder.append(bytes, to: &plain)
            try encoder.finish(into: &plain)
            return plain
        }
    }

    static func check(_ size: Int, _ limit: Int) throws(CompressionError) {
        guard size <= limit else {
            throw CompressionError(.tooLarge, "\(size) bytes once decompressed, more than \(limit)")
        }
    }
}

internal import SluiceCore
internal import SluiceFormats

/// Turns records into the bytes of one object, front to back. The same records in the same form make the same bytes,
/// however they are portioned.
struct ObjectEncoder: ~Copyable, Sendable {
    private let text: DelimitedText
    private var gzip: GzipFile?
    private var parquet: ParquetFile?
    private var plain: [UInt8] = []

    init(_ format: ObjectFormat) throws {
        gzip = try Self.compressor(format)
        parquet = try Self.file(format)
        text =
            switch format.content {
            case .text(let text, _): text
            case .parquet: DelimitedText(delimiter: .none)
            }
    }

    private static func compressor(_ format: ObjectFormat) throws -> GzipFile? {
        guard case .text(_, isCompressed: true) = format.content else { return nil }
        return try GzipFile()
    }

    private static func file(_ format: ObjectFormat) throws -> ParquetFile? {
        guard case .parquet(let schema, let codec, let size) = format.content else { return nil }
        return try ParquetFile(schema: schema, codec: codec, rowGroupSize: size)
    }

    /// Makes room for so many bytes of records that come next.
    mutating func reserve(_ bytes: Int) {
        if parquet == nil { plain.reserveCapacity(plain.count + bytes) }
    }

    /// Adds a record; one that does not convert leaves no trace.
    mutating func append(_ data: UnsafeRawBufferPointer) throws(ConversionFailure) {
        if parquet == nil {
            unsafe text.append(data, to: &plain)
        } else {
            try unsafe parquet?.append(data)
        }
    }

    /// What is finished so far; may be empty.
    mutating func takeOutput() throws -> [UInt8] {
        if parquet != nil { return parquet?.takeOutput() ?? [] }
        guard gzip != nil else {
            defer { plain = [] }
            return plain
        }
        // Always the same pieces, because a compressor may find other matches in others.
        var output: [UInt8] = []
        var start = 0
        while plain.count - start >= Self.compressedPiece {
            output += try compress(Array(plain[start..<start + Self.compressedPiece]))
            start += Self.compressedPiece
        }
        plain.removeFirst(start)
        return output
    }

    /// The rest and the end; nothing may be appended after it.
    mutating func finish() throws -> [UInt8] {
        var output = try takeOutput()
        if let end = try parquet?.finish() { output += end }
        if !plain.isEmpty {
            output += try compress(plain)
            plain = []
        }
        if let end = try gzip?.finish() { output += end }
        return output
    }

    private static let compressedPiece = ByteCount.kibibytes(256).bytes

    private mutating func compress(_ bytes: [UInt8]) throws -> [UInt8] {
        try gzip?.append(bytes) ?? bytes
    }
}

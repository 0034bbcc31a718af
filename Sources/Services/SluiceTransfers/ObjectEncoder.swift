internal import SluiceCore
internal import SluiceFormats

/// Turns records into the bytes of one object, front to back. The same records in the same form make the same bytes,
/// however they are portioned.
struct ObjectEncoder: ~Copyable, Sendable {
    private let text: DelimitedText
    private var gzip: GzipFile?
    private var plain: [UInt8] = []

    /// - Throws: `PermanentFault` when the form can never be written.
    init(_ form: DeliveryForm) throws {
        let destination = try form.destination()
        gzip = try Self.compressor(destination)
        text = DelimitedText(delimiter: destination.delimiter)
    }

    private static func compressor(_ destination: OBSDestination) throws -> GzipFile? {
        guard destination.isCompressed else { return nil }
        return try GzipFile()
    }

    /// Makes room for so many bytes of records that come next.
    mutating func reserve(_ bytes: Int) {
        plain.reserveCapacity(plain.count + bytes)
    }

    /// Adds a record; one that does not convert leaves no trace.
    mutating func append(_ data: UnsafeRawBufferPointer) throws(ConversionFailure) {
        unsafe text.append(data, to: &plain)
    }

    /// What is finished so far; may be empty.
    mutating func takeOutput() throws -> [UInt8] {
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

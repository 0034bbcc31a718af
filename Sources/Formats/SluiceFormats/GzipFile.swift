internal import Compression

/// A gzip file written piece by piece: the same bytes for the same input, so that a repeated object equals the first.
package struct GzipFile: ~Copyable {
    private var encoder: DeflateEncoder

    package init() throws {
        encoder = try DeflateEncoder(.gzip)
    }

    /// What comes out for `bytes` now; a compressor may keep some, or all, for later.
    package mutating func append(_ bytes: [UInt8]) throws -> [UInt8] {
        var piece: [UInt8] = []
        try encoder.append(bytes, to: &piece)
        return piece
    }

    /// The end of the file; nothing may be appended after it.
    package mutating func finish() throws -> [UInt8] {
        var piece: [UInt8] = []
        try encoder.finish(into: &piece)
        return piece
    }
}

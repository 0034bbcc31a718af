internal import Compression

/// What a gzip file stands for, read front to back, whichever compressor has made it.
package struct GzipContent: ~Copyable, Sendable {
    private var decoder: InflateDecoder

    package init() throws {
        decoder = try InflateDecoder()
    }

    /// Takes more of the file; hands its content out in small pieces.
    /// - Throws: when the bytes are no gzip file.
    package mutating func append(_ bytes: [UInt8], _ body: ([UInt8]) -> Void) throws {
        try decoder.append(bytes, body)
    }

    /// - Throws: when the file is cut short.
    package func finish() throws {
        try decoder.finish()
    }
}

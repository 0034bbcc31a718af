import Testing

@testable import Compression

@Suite struct BlockCompressorTests {
    static let codings: [ContentCoding] = [.snappy, .zstd]

    static func compressor(_ coding: ContentCoding) throws -> BlockCompressor {
        coding == .snappy ? .snappy() : try .zstd(level: 1)
    }

    static func block(_ text: [UInt8], _ compressor: inout BlockCompressor) throws -> [UInt8] {
        let bound = compressor.bound(text.count)
        var target = [UInt8](repeating: 0, count: bound)
        let count = try target.withUnsafeMutableBytes { target in
            try text.withUnsafeBytes { try compressor.compress($0, into: target) }
        }
        return Array(target.prefix(count))
    }

    /// A used state leaves nothing in later blocks.
    @Test(arguments: codings) func blocksStandAlone(coding: ContentCoding) throws {
        var used = try Self.compressor(coding)
        for text in CompressionTests.texts {
            var unused = try Self.compressor(coding)
            let block = try Self.block(text, &used)
            #expect(try block == Self.block(text, &unused))
            #expect(try Compression.decompress(block, as: coding, limit: text.count) == text)
        }
    }

    @Test(arguments: codings) func aSmallTargetIsRefused(coding: ContentCoding) throws {
        var compressor = try Self.compressor(coding)
        let text = [UInt8](repeating: 7, count: 1000)
        var target = [UInt8](repeating: 0, count: compressor.bound(text.count) - 1)
        var code: CompressionError.Code?
        target.withUnsafeMutableBytes { target in
            text.withUnsafeBytes { text in
                do throws(CompressionError) {
                    _ = try compressor.compress(text, into: target)
                } catch {
                    code = error.code
                }
            }
        }
        #expect(code == .failed)
    }

    /// Check values of the CRC catalogue for CRC-32/ISO-HDLC.
    @Test(arguments: [
        ("", 0), ("123456789", 0xCBF4_3926), ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
    ])
    func crc32(text: String, checksum: UInt32) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { all in
            #expect(CRC32.checksum(all) == checksum)
            let head = UnsafeRawBufferPointer(rebasing: all.prefix(3))
            let tail = UnsafeRawBufferPointer(rebasing: all.dropFirst(3))
            #expect(CRC32.checksum(tail, continuing: CRC32.checksum(head)) == checksum)
        }
    }
}

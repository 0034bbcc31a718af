internal import CKernels

/// CRC-32C (Castagnoli), the checksum of everything Sluice writes to disk. See RFC 3720, appendix B.4.
package enum CRC32C {
    /// The checksum of `bytes`, continued from `seed`: `checksum(b, continuing: checksum(a))` is that of `a + b`.
    package static func checksum(_ bytes: UnsafeRawBufferPointer, continuing seed: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return seed }
        return unsafe sluice_crc32c(seed, base, bytes.count)
    }

    /// The checksum of an array, continued from `seed`.
    package static func checksum(_ bytes: [UInt8], continuing seed: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe checksum($0, continuing: seed) }
    }

    /// The checksum as answers and messages write it: `crc32c:` and eight digits.
    package static func text(_ checksum: UInt32) -> String { "crc32c:" + checksum.padded(to: 8, radix: 16) }
}

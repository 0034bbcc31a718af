internal import CZlib

/// CRC-32 as gzip, PNG and Parquet use it (RFC 1952, section 8); not CRC-32C.
package enum CRC32 {
    /// The checksum of `bytes`, continued from `seed`: `checksum(b, continuing: checksum(a))` is that of `a + b`.
    package static func checksum(_ bytes: UnsafeRawBufferPointer, continuing seed: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return seed }
        return UInt32(truncatingIfNeeded: crc32_z(UInt(seed), base, bytes.count))
    }
}

/// The hybrid of runs and bit-packed groups in which Parquet writes levels and dictionary indexes
/// (https://parquet.apache.org/docs/file-format/data-pages/encodings/, "RLE").
enum RunEncoder {
    /// Shorter runs are cheaper packed: a group has eight values.
    private static let shortestRun = 8

    /// The bits that hold every value up to `largest`.
    static func bitWidth(of largest: Int) -> Int {
        Int.bitWidth - largest.leadingZeroBitCount
    }

    /// Appends `values`, all below 2 to the power of `bitWidth`.
    static func append<Value: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafeBufferPointer<Value>, bitWidth: Int, to target: inout GrowingBuffer
    ) {
        var packedFrom = 0
        var index = 0
        while index < values.count {
            let value = unsafe values[index]
            var end = index + 1
            while end < values.count, unsafe values[end] == value { end += 1 }
            // Packed groups are whole except for the last: a run lends what completes the one before it.
            let lent = (8 - (index - packedFrom) % 8) % 8
            if end - index - lent >= shortestRun {
                unsafe pack(values, packedFrom..<index + lent, bitWidth, &target)
                run(UInt64(value), count: end - index - lent, bitWidth, &target)
                packedFrom = end
            }
            index = end
        }
        unsafe pack(values, packedFrom..<values.count, bitWidth, &target)
    }

    private static func run(_ value: UInt64, count: Int, _ bitWidth: Int, _ target: inout GrowingBuffer) {
        varint(count << 1, &target)
        for byte in 0..<(bitWidth + 7) / 8 {
            target.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
        }
    }

    private static func pack<Value: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafeBufferPointer<Value>, _ range: Range<Int>, _ bitWidth: Int, _ target: inout GrowingBuffer
    ) {
        guard !range.isEmpty else { return }
        let groups = (range.count + 7) / 8
        varint(groups << 1 | 1, &target)
        let length = groups * bitWidth
        // The loop stores eight bytes at once, behind the end too.
        target.reserve(length + 8)
        var out = unsafe target.start + target.count
        var bits: UInt64 = 0
        var filled = 0
        for index in range {
            bits |= unsafe UInt64(truncatingIfNeeded: values[index]) << UInt64(filled)
            filled += bitWidth
            if filled >= 32 {
                unsafe out.storeBytes(of: UInt32(truncatingIfNeeded: bits), as: UInt32.self)
                unsafe out += 4
                bits >>= 32
                filled -= 32
            }
        }
        let written = unsafe out - (target.start + target.count)
        for offset in 0..<length - written {
            unsafe out.storeBytes(
                of: UInt8(truncatingIfNeeded: bits >> (8 * offset)), toByteOffset: offset, as: UInt8.self)
        }
        target.advance(by: length)
    }

    static func varint(_ value: Int, _ target: inout GrowingBuffer) {
        var rest = UInt(value)
        while rest >= 0x80 {
            target.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        target.append(UInt8(rest))
    }
}

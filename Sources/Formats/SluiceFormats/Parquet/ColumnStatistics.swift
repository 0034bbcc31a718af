/// The smallest and largest value of a column in a row group, and how many entries are null.
///
/// Bounds are left out where they would not be exact: after a NaN, and where one is longer than `lengthMax`.
struct ColumnStatistics {
    private(set) var nullCount = 0
    private var smallest: [UInt8]?
    private var largest: [UInt8]?
    private var isUnbounded = false

    static let lengthMax = 256

    mutating func add(nulls: Int) {
        nullCount += nulls
    }

    /// Takes values that are encoded PLAIN; booleans in a byte each.
    mutating func add(_ page: borrowing GrowingBuffer, from offset: Int = 0, of column: ParquetColumn) {
        guard !isUnbounded, offset < page.count else { return }
        switch (column.order, column.type) {
        case (.signed, .boolean): numbers(UInt8.self, page, offset)
        case (.signed, .int32): numbers(Int32.self, page, offset)
        case (.signed, _): numbers(Int64.self, page, offset)
        case (.floating, .float): floats(Float.self, page, offset)
        case (.floating, _): floats(Double.self, page, offset)
        case (.bytes, _): byteArrays(page, offset, column.width, isSigned: false)
        case (.bigEndian, _): byteArrays(page, offset, column.width, isSigned: true)
        }
    }

    func write(to thrift: inout ThriftCompactWriter) {
        thrift.field(3, Int64(nullCount))
        guard !isUnbounded, let smallest, let largest else { return }
        thrift.field(5, largest)
        thrift.field(6, smallest)
        thrift.field(7, true)
        thrift.field(8, true)
    }

    private mutating func numbers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ page: borrowing GrowingBuffer, _ start: Int
    ) {
        var low = page.load(type, at: start)
        var high = low
        for offset in stride(from: start, to: page.count, by: MemoryLayout<Value>.size) {
            let value = page.load(type, at: offset)
            low = min(low, value)
            high = max(high, value)
        }
        if let smallest { low = min(low, Self.value(type, smallest)) }
        if let largest { high = max(high, Self.value(type, largest)) }
        smallest = Self.bytes(low)
        largest = Self.bytes(high)
    }

    private mutating func floats<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ type: Value.Type, _ page: borrowing GrowingBuffer, _ start: Int
    ) {
        var low = smallest.map { Self.value(type, $0) } ?? .infinity
        var high = largest.map { Self.value(type, $0) } ?? -.infinity
        for offset in stride(from: start, to: page.count, by: MemoryLayout<Value>.size) {
            let value = page.load(type, at: offset)
            guard !value.isNaN else {
                isUnbounded = true
                return
            }
            low = min(low, value)
            high = max(high, value)
        }
        // Readers may take the zeros for equal or not: both bounds have to hold.
        smallest = Self.bytes(low == 0 ? -Value.zero : low)
        largest = Self.bytes(high == 0 ? Value.zero : high)
    }

    private mutating func byteArrays(_ page: borrowing GrowingBuffer, _ start: Int, _ width: Int, isSigned: Bool) {
        var offset = start
        while offset < page.count {
            var length = width
            if width == 0 {
                length = Int(page.load(UInt32.self, at: offset))
                offset += 4
            }
            let value = unsafe UnsafeRawBufferPointer(start: page.start + offset, count: length)
            offset += length
            if let smallest, let largest {
                if unsafe Self.isLess(value, smallest, isSigned) {
                    self.smallest = unsafe Array(value)
                } else if unsafe Self.isLess(largest, value, isSigned) {
                    self.largest = unsafe Array(value)
                } else {
                    continue
                }
            } else {
                smallest = unsafe Array(value)
                largest = smallest
            }
            guard length <= Self.lengthMax else {
                isUnbounded = true
                smallest = nil
                largest = nil
                return
            }
        }
    }

    /// Compares byte by byte; with a sign, the first byte decides it.
    @inline(__always)
    private static func isLess<Left: Collection<UInt8>, Right: Collection<UInt8>>(
        _ left: Left, _ right: Right, _ isSigned: Bool
    ) -> Bool {
        guard isSigned, let first = left.first, let second = right.first, (first ^ second) & 0x80 != 0 else {
            return left.lexicographicallyPrecedes(right)
        }
        return first & 0x80 != 0
    }

    private static func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
        unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
    }

    private static func value<Value: BitwiseCopyable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value {
        unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: type) }
    }
}

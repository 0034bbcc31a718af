extension [UInt8] {
    /// Appends the bytes of a number, lowest first.
    mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
        unsafe Swift.withUnsafeBytes(of: number.littleEndian) { unsafe append(contentsOf: $0) }
    }

    /// Overwrites bytes at `offset` with those of a number, lowest first.
    mutating func store<Number: FixedWidthInteger>(littleEndian number: Number, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<Number>.size <= count)
        unsafe withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
        }
    }
}

/// Writes numbers one behind the other, lowest byte first, into memory that outlives it.
@safe struct LittleEndianWriter {
    private let target: UnsafeMutableRawBufferPointer
    private(set) var offset = 0

    init(_ target: UnsafeMutableRawBufferPointer) {
        unsafe self.target = target
    }

    mutating func write<Number: FixedWidthInteger>(_ number: Number) {
        precondition(unsafe offset + MemoryLayout<Number>.size <= target.count)
        unsafe target.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
        offset += MemoryLayout<Number>.size
    }

    /// What has been written.
    var written: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: target[..<offset]) }
}

/// Reads numbers and texts off the front of bytes; nil as soon as they do not suffice.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private(set) var offset: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    var remaining: Int { bytes.endIndex - offset }

    mutating func next<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number? {
        let size = MemoryLayout<Number>.size
        guard remaining >= size else { return nil }
        let start = offset - bytes.startIndex
        offset += size
        return unsafe bytes.withUnsafeBytes {
            Number(littleEndian: unsafe $0.loadUnaligned(fromByteOffset: start, as: Number.self))
        }
    }

    /// UTF-8 of `length` bytes; nil also when it is not UTF-8.
    mutating func nextText(length: Int) -> String? {
        guard length >= 0, remaining >= length else { return nil }
        defer { offset += length }
        return String(validating: bytes[offset..<offset + length], as: UTF8.self)
    }
}

/// A hash of bytes with a key of this process, so that nobody can choose values that collide.
///
/// It finds equal values and nothing else: no byte of a file depends on it.
struct KeyedHash: Sendable {
    private let first: UInt64
    private let second: UInt64

    static let process: KeyedHash = {
        var generator = SystemRandomNumberGenerator()
        // Odd multipliers lose nothing.
        return KeyedHash(first: generator.next() | 1, second: generator.next() | 1)
    }()

    @inline(__always)
    private func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    func hash(_ value: UInt64) -> UInt64 {
        fold(value ^ first, second)
    }

    @inline(__always)
    func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = bytes.baseAddress else { return second }
        let count = bytes.count
        var state = fold(first ^ UInt64(count), second)
        var offset = 0
        while count - offset >= 8 {
            state = unsafe fold(state ^ (start + offset).loadUnaligned(as: UInt64.self), second)
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < count {
            rest = rest << 8 | UInt64(unsafe start.load(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return fold(state ^ rest, second)
    }
}

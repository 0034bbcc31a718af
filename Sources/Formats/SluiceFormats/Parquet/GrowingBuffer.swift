/// Bytes that grow at their end, in memory of their own: an array without copies on write and without zeroing.
///
/// Not thread-safe; may move between threads.
@safe struct GrowingBuffer: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the memory has one owner, which alone can reach it.
    private(set) var start: UnsafeMutableRawPointer
    private(set) var count = 0
    private(set) var capacity: Int

    private static let alignment = 16

    init(capacity: Int = 0) {
        self.capacity = capacity
        unsafe start = .allocate(byteCount: capacity, alignment: Self.alignment)
    }

    deinit {
        unsafe start.deallocate()
    }

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }

    var isEmpty: Bool { count == 0 }

    /// Makes room for so many more bytes.
    @inline(__always)
    mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more, 64)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: Self.alignment)
        unsafe moved.copyMemory(from: start, byteCount: count)
        unsafe start.deallocate()
        unsafe start = moved
    }

    /// Appends the value's bytes as they lie in memory.
    @inline(__always)
    mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        unsafe (start + count).storeBytes(of: value, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        unsafe (start + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { source in unsafe append(source) }
    }

    /// Appends the same byte so many times.
    mutating func append(_ byte: UInt8, times: Int) {
        reserve(times)
        unsafe (start + count).initializeMemory(as: UInt8.self, repeating: byte, count: times)
        count += times
    }

    /// Takes bytes that were written behind the last one into room made by `reserve`.
    @inline(__always)
    mutating func advance(by written: Int) {
        count += written
    }

    @inline(__always)
    mutating func truncate(to length: Int) {
        count = length
    }

    /// Forgets everything; memory beyond `kept` bytes is given back.
    mutating func removeAll(keeping kept: Int = .max) {
        count = 0
        guard capacity > kept else { return }
        unsafe start.deallocate()
        capacity = 0
        unsafe start = .allocate(byteCount: 0, alignment: Self.alignment)
    }

    /// Overwrites bytes that are there already.
    @inline(__always)
    mutating func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        unsafe (start + offset).storeBytes(of: value, as: Value.self)
    }

    @inline(__always)
    func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        unsafe (start + offset).loadUnaligned(as: type)
    }
}

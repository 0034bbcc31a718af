internal import CKernels

/// The different values of one column of a row group, in the order of their first appearance.
///
/// A page is either added as a whole or leaves the dictionary as it was.
struct ValueDictionary: ~Copyable {
    /// The values as the dictionary page has them: encoded PLAIN.
    private(set) var values = GrowingBuffer()
    /// Where each value begins.
    private var offsets = GrowingBuffer()
    /// Open addressing, at most half full: an entry's index and one; 0 where nothing is.
    private var slots = GrowingBuffer()
    private var slotCount = 0
    private(set) var count = 0

    /// Larger dictionaries cost more than they save, and readers hold them in memory.
    static let bytesMax = 1 << 20
    static let entriesMax = 1 << 16

    var capacity: Int { values.capacity + offsets.capacity + slots.capacity }

    /// Bits of an index.
    var bitWidth: Int { max(1, RunEncoder.bitWidth(of: count - 1)) }

    mutating func removeAll() {
        values.removeAll(keeping: 0)
        offsets.removeAll(keeping: 0)
        slots.removeAll(keeping: 0)
        slotCount = 0
        count = 0
    }

    /// Replaces a page's values, encoded PLAIN, by their indexes, four bytes each. False where the dictionary would pass
    /// its bounds or save nothing; nothing has changed then but `indexes`.
    ///
    /// - Parameter width: bytes of a value; 0 for byte arrays behind their length.
    mutating func index(
        _ page: borrowing GrowingBuffer, valueCount: Int, width: Int, into indexes: inout GrowingBuffer
    ) -> Bool {
        let known = count
        let knownBytes = values.count
        indexes.removeAll()
        indexes.reserve(valueCount * 4)
        let end = page.count
        var offset = 0
        while offset < end {
            let length = width > 0 ? width : 4 + Int(page.load(UInt32.self, at: offset))
            let value = unsafe UnsafeRawBufferPointer(start: page.start + offset, count: length)
            offset += length
            indexes.append(unsafe entry(of: value))
            if values.count > Self.bytesMax || count > Self.entriesMax { break }
        }
        let added = values.count - knownBytes
        let saves = added + valueCount * bitWidth / 8 < page.count
        guard offset == end, values.count <= Self.bytesMax, count <= Self.entriesMax, saves else {
            forget(downTo: known, bytes: knownBytes)
            return false
        }
        return true
    }

    /// Takes the last entries out again. The slots are made anew: this happens once in a row group.
    private mutating func forget(downTo known: Int, bytes: Int) {
        count = known
        values.truncate(to: bytes)
        offsets.truncate(to: known * 4)
        makeSlots(slotCount)
    }

    @inline(__always)
    private mutating func entry(of value: UnsafeRawBufferPointer) -> UInt32 {
        if (count + 1) * 2 > slotCount { makeSlots(max(1024, slotCount * 2)) }
        let mask = slotCount - 1
        var slot = unsafe Int(truncatingIfNeeded: hash(value)) & mask
        while case let held = slots.load(UInt32.self, at: slot * 4), held != 0 {
            if unsafe equals(value, entry: Int(held) - 1) { return held - 1 }
            slot = (slot + 1) & mask
        }
        slots.store(UInt32(count + 1), at: slot * 4)
        offsets.append(UInt32(values.count))
        unsafe values.append(value)
        count += 1
        return UInt32(count - 1)
    }

    @inline(__always)
    private func hash(_ value: UnsafeRawBufferPointer) -> UInt64 {
        switch value.count {
        case 8: KeyedHash.process.hash(unsafe value.loadUnaligned(as: UInt64.self))
        case 4: KeyedHash.process.hash(UInt64(unsafe value.loadUnaligned(as: UInt32.self)))
        default: unsafe KeyedHash.process.hash(value)
        }
    }

    @inline(__always)
    private func equals(_ value: UnsafeRawBufferPointer, entry: Int) -> Bool {
        let start = Int(offsets.load(UInt32.self, at: entry * 4))
        let end = entry + 1 < count ? Int(offsets.load(UInt32.self, at: (entry + 1) * 4)) : values.count
        guard end - start == value.count, let base = value.baseAddress else { return false }
        return unsafe sluice_bytes_equal(values.start + start, base, value.count) != 0
    }

    private mutating func makeSlots(_ size: Int) {
        slotCount = size
        slots.removeAll()
        slots.append(0, times: size * 4)
        let mask = size - 1
        for index in 0..<count {
            let start = Int(offsets.load(UInt32.self, at: index * 4))
            let end = index + 1 < count ? Int(offsets.load(UInt32.self, at: (index + 1) * 4)) : values.count
            let value = unsafe UnsafeRawBufferPointer(start: values.start + start, count: end - start)
            var slot = unsafe Int(truncatingIfNeeded: hash(value)) & mask
            while slots.load(UInt32.self, at: slot * 4) != 0 { slot = (slot + 1) & mask }
            slots.store(UInt32(index + 1), at: slot * 4)
        }
    }
}

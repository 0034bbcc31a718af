/// The values and levels of one column that are in no page yet.
///
/// Values lie as the encoding PLAIN wants them (byte arrays behind their length in four bytes), booleans in a byte each.
struct ColumnValues: ~Copyable {
    var values = GrowingBuffer()
    /// One byte an entry, null entries included; empty where no entry can be null.
    var definitions = GrowingBuffer()
    /// One byte an entry; empty where nothing repeats.
    var repetitions = GrowingBuffer()
    /// Values that are there; entries that are null are not among them.
    var valueCount = 0
    let hasDefinitions: Bool
    let hasRepetitions: Bool

    /// Where the column stood after the last whole record.
    private(set) var kept = Mark()

    struct Mark {
        var values = 0
        var valueCount = 0
        var definitions = 0
        var repetitions = 0
    }

    init(_ column: ParquetColumn) {
        hasDefinitions = column.maximumDefinition > 0
        hasRepetitions = column.maximumRepetition > 0
    }

    var mark: Mark {
        Mark(
            values: values.count, valueCount: valueCount, definitions: definitions.count,
            repetitions: repetitions.count)
    }

    /// Entries, null ones included.
    var entryCount: Int { hasDefinitions ? definitions.count : valueCount }

    /// Raw bytes of values and levels.
    var byteCount: Int { values.count + definitions.count + repetitions.count }

    var capacity: Int { values.capacity + definitions.capacity + repetitions.capacity }

    @inline(__always)
    mutating func appendLevels(_ repetition: UInt8, _ definition: UInt8) {
        if hasDefinitions { definitions.append(definition) }
        if hasRepetitions { repetitions.append(repetition) }
    }

    @inline(__always)
    mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        values.append(value)
        valueCount += 1
    }

    @inline(__always)
    mutating func append(byteArray bytes: UnsafeRawBufferPointer) {
        values.reserve(4 + bytes.count)
        values.append(UInt32(truncatingIfNeeded: bytes.count))
        unsafe values.append(bytes)
        valueCount += 1
    }

    @inline(__always)
    mutating func append(fixed bytes: UnsafeRawBufferPointer) {
        unsafe values.append(bytes)
        valueCount += 1
    }

    @inline(__always)
    mutating func keep() {
        kept = mark
    }

    mutating func roll(back mark: Mark) {
        values.truncate(to: mark.values)
        definitions.truncate(to: mark.definitions)
        repetitions.truncate(to: mark.repetitions)
        valueCount = mark.valueCount
    }

    /// All entries are in a page.
    mutating func removeAll(keeping bytes: Int) {
        values.removeAll(keeping: bytes)
        definitions.removeAll(keeping: bytes)
        repetitions.removeAll(keeping: bytes)
        valueCount = 0
        kept = Mark()
    }
}

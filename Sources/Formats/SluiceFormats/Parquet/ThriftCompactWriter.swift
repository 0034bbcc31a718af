/// Structs in Thrift's compact protocol, as Parquet's page headers and footer are written
/// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
struct ThriftCompactWriter {
    private(set) var bytes: [UInt8] = []
    private var lastField: Int16 = 0

    private enum Wire: UInt8 {
        case isTrue = 1
        case isFalse = 2
        case i8 = 3
        case i32 = 5
        case i64 = 6
        case binary = 8
        case list = 9
        case structure = 12
    }

    mutating func field(_ id: Int16, _ value: Bool) {
        header(id, value ? .isTrue : .isFalse)
    }

    mutating func field(_ id: Int16, _ value: Int32) {
        header(id, .i32)
        varint(zigzag(Int64(value)))
    }

    mutating func field(_ id: Int16, _ value: Int64) {
        header(id, .i64)
        varint(zigzag(value))
    }

    mutating func field(_ id: Int16, _ text: String) {
        header(id, .binary)
        binary(Array(text.utf8))
    }

    mutating func field(_ id: Int16, _ value: [UInt8]) {
        header(id, .binary)
        binary(value)
    }

    mutating func field(_ id: Int16, _ body: (inout ThriftCompactWriter) -> Void) {
        header(id, .structure)
        structure(body)
    }

    mutating func field(_ id: Int16, list values: [Int32]) {
        header(id, .list)
        listHeader(values.count, .i32)
        for value in values { varint(zigzag(Int64(value))) }
    }

    mutating func field(_ id: Int16, list values: [String]) {
        header(id, .list)
        listHeader(values.count, .binary)
        for value in values { binary(Array(value.utf8)) }
    }

    /// A list of structs, each written by `body`.
    mutating func field<Element>(
        _ id: Int16, list elements: [Element], _ body: (Element, inout ThriftCompactWriter) -> Void
    ) {
        header(id, .list)
        listHeader(elements.count, .structure)
        for element in elements { structure { body(element, &$0) } }
    }

    /// A list of structs that are encoded already.
    mutating func field(_ id: Int16, listOf count: Int, encoded: [UInt8]) {
        header(id, .list)
        listHeader(count, .structure)
        bytes += encoded
    }

    /// One struct, with its end.
    mutating func structure(_ body: (inout ThriftCompactWriter) -> Void) {
        let outer = lastField
        lastField = 0
        body(&self)
        bytes.append(0)
        lastField = outer
    }

    private mutating func header(_ id: Int16, _ wire: Wire) {
        let step = id - lastField
        if (1...15).contains(step) {
            bytes.append(UInt8(step) << 4 | wire.rawValue)
        } else {
            bytes.append(wire.rawValue)
            varint(zigzag(Int64(id)))
        }
        lastField = id
    }

    private mutating func listHeader(_ count: Int, _ wire: Wire) {
        if count < 15 {
            bytes.append(UInt8(count) << 4 | wire.rawValue)
        } else {
            bytes.append(0xF0 | wire.rawValue)
            varint(UInt64(count))
        }
    }

    private mutating func binary(_ value: [UInt8]) {
        varint(UInt64(value.count))
        bytes += value
    }

    private func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: value << 1 ^ value >> 63)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

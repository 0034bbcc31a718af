/// Reads what `ThriftCompactWriter` writes, from bytes that may be cut short or damaged
/// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
struct ThriftCompactReader {
    enum Fault: Error {
        /// The bytes end inside a value: more of them may help.
        case cutShort
        case damaged
    }

    struct Field {
        let id: Int16
        let wire: UInt8
    }

    static let i32: UInt8 = 5
    static let list: UInt8 = 9
    static let structure: UInt8 = 12
    /// Structs and lists inside one another, far deeper than Parquet nests them.
    private static let depthMax = 16

    let bytes: [UInt8]
    /// The next byte to read.
    private(set) var position: Int

    init(_ bytes: [UInt8], at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// The next field of a struct; nil at its end.
    mutating func field(after last: Int16) throws(Fault) -> Field? {
        let head = try byte()
        guard head != 0 else { return nil }
        let step = Int16(head >> 4)
        if step > 0 {
            let (id, isTooLarge) = last.addingReportingOverflow(step)
            guard !isTooLarge else { throw .damaged }
            return Field(id: id, wire: head & 15)
        }
        guard let id = Int16(exactly: try number()) else { throw .damaged }
        return Field(id: id, wire: head & 15)
    }

    mutating func number() throws(Fault) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A list's head: how many elements follow, and of which kind.
    mutating func listHead() throws(Fault) -> (count: Int, wire: UInt8) {
        let head = try byte()
        guard head >> 4 == 15 else { return (Int(head >> 4), head & 15) }
        // Every element takes a byte at least.
        guard let count = Int(exactly: try varint()), count <= bytes.count else { throw .damaged }
        return (count, head & 15)
    }

    /// Steps over a value of that kind.
    mutating func skip(_ wire: UInt8, depth: Int = 0) throws(Fault) {
        guard depth < Self.depthMax else { throw .damaged }
        switch wire {
        case 1, 2: break
        case 3: try step(over: 1)
        case 4, 5, 6: _ = try varint()
        case 7: try step(over: 8)
        case 8:
            guard let count = Int(exactly: try varint()) else { throw .damaged }
            try step(over: count)
        case 9, 10:
            let (count, wire) = try listHead()
            for _ in 0..<count {
                // A truth value alone takes a byte in a list, and none in a struct.
                if wire <= 2 { try step(over: 1) } else { try skip(wire, depth: depth + 1) }
            }
        case Self.structure:
            var last: Int16 = 0
            while let field = try field(after: last) {
                try skip(field.wire, depth: depth + 1)
                last = field.id
            }
        default: throw .damaged
        }
    }

    private mutating func byte() throws(Fault) -> UInt8 {
        guard position < bytes.count else { throw .cutShort }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func step(over count: Int) throws(Fault) {
        guard count <= bytes.count - position else { throw .cutShort }
        position += count
    }

    private mutating func varint() throws(Fault) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw .damaged
    }
}

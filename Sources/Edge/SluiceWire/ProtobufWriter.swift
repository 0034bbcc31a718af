/// Writes protobuf messages field by field (https://protobuf.dev/programming-guides/encoding/).
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(_ field: Int, varint value: UInt64) {
        append(varint: UInt64(field) << 3)
        append(varint: value)
    }

    mutating func append(_ field: Int, bytes value: some Collection<UInt8>) {
        append(varint: UInt64(field) << 3 | 2)
        append(varint: UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func append(_ field: Int, text: String) {
        append(field, bytes: text.utf8)
    }
}

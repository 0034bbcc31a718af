// The words of Parquet's metadata (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).

enum PhysicalType: Int32, Sendable {
    case boolean = 0
    case int32 = 1
    case int64 = 2
    case float = 4
    case double = 5
    case byteArray = 6
    case fixedLengthByteArray = 7
}

enum ParquetEncoding: Int32, Sendable, CaseIterable {
    case plain = 0
    case rle = 3
    case dictionary = 8
}

/// What the values of a column, or the members of a group, mean.
enum ParquetAnnotation: Sendable {
    case string, list, map, date, uuid
    case decimal(precision: Int, scale: Int)
    case time(isMicros: Bool)
    case timestamp(isMicros: Bool, isUTC: Bool)

    /// The older `ConvertedType`, for readers that know no other; there is none for UUIDs and local timestamps.
    var convertedType: Int32? {
        switch self {
        case .string: 0
        case .map: 1
        case .list: 3
        case .decimal: 5
        case .date: 6
        case .time(let isMicros): isMicros ? 8 : 7
        case .timestamp(let isMicros, let isUTC): isUTC ? (isMicros ? 10 : 9) : nil
        case .uuid: nil
        }
    }

    /// Writes the union `LogicalType`.
    func write(to thrift: inout ThriftCompactWriter) {
        switch self {
        case .string: thrift.field(1) { _ in }
        case .map: thrift.field(2) { _ in }
        case .list: thrift.field(3) { _ in }
        case .decimal(let precision, let scale):
            thrift.field(5) {
                $0.field(1, Int32(scale))
                $0.field(2, Int32(precision))
            }
        case .date: thrift.field(6) { _ in }
        case .time(let isMicros): thrift.field(7) { Self.write(isMicros: isMicros, isUTC: true, to: &$0) }
        case .timestamp(let isMicros, let isUTC):
            thrift.field(8) { Self.write(isMicros: isMicros, isUTC: isUTC, to: &$0) }
        case .uuid: thrift.field(14) { _ in }
        }
    }

    private static func write(isMicros: Bool, isUTC: Bool, to thrift: inout ThriftCompactWriter) {
        thrift.field(1, isUTC)
        thrift.field(2) { unit in unit.field(isMicros ? 2 : 1) { _ in } }
    }
}

/// One element of the footer's schema: a column, or a group and the number of its members.
struct ParquetElement: Sendable {
    enum Repetition: Int32, Sendable {
        case required = 0
        case optional = 1
        case repeated = 2
    }

    let name: String
    /// Nil for the whole record.
    let repetition: Repetition?
    var type: PhysicalType?
    /// Bytes of a value of fixed length.
    var width = 0
    var members = 0
    var annotation: ParquetAnnotation?

    func write(to thrift: inout ThriftCompactWriter) {
        if let type { thrift.field(1, type.rawValue) }
        if type == .fixedLengthByteArray { thrift.field(2, Int32(width)) }
        if let repetition { thrift.field(3, repetition.rawValue) }
        thrift.field(4, name)
        if type == nil { thrift.field(5, Int32(members)) }
        guard let annotation else { return }
        if let convertedType = annotation.convertedType { thrift.field(6, convertedType) }
        if case .decimal(let precision, let scale) = annotation {
            thrift.field(7, Int32(scale))
            thrift.field(8, Int32(precision))
        }
        thrift.field(10) { annotation.write(to: &$0) }
    }
}

/// How values compare in a column's statistics.
enum ValueOrder: Sendable {
    case signed, floating
    /// Byte by byte, without sign.
    case bytes
    /// Two's complement, the highest byte first.
    case bigEndian
}

/// A leaf of the schema.
struct ParquetColumn: Sendable {
    let path: [String]
    let type: PhysicalType
    /// Bytes of a value of fixed length in a page; 0 for byte arrays.
    let width: Int
    let order: ValueOrder
    let maximumDefinition: UInt8
    let maximumRepetition: UInt8
}

/// What a single Avro type becomes: a physical type, its meaning, and how its values are read.
struct LeafType {
    let kind: ParquetNode.Kind
    let type: PhysicalType
    /// Bytes of a value; 0 for byte arrays.
    var width = 0
    var order = ValueOrder.signed
    var annotation: ParquetAnnotation?
    var precision = 0
    var scale = 0

    /// The most digits that four and eight bytes hold whole.
    private static let int32Digits = 9
    private static let int64Digits = 18

    /// - Parameter schema: a type without inner ones.
    init(_ schema: AvroSchema) {
        switch schema {
        case .boolean: self.init(kind: .boolean, type: .boolean, width: 1)
        case .int: self.init(kind: .int, type: .int32, width: 4)
        case .long: self.init(kind: .long, type: .int64, width: 8)
        case .float: self.init(kind: .float, type: .float, width: 4, order: .floating)
        case .double: self.init(kind: .double, type: .double, width: 8, order: .floating)
        case .bytes: self.init(kind: .bytes, type: .byteArray, order: .bytes)
        case .enum: self.init(kind: .enumeration, type: .byteArray, order: .bytes, annotation: .string)
        case .fixed(_, let size, let logical): self.init(fixed: size, logical)
        case .logical(let logical, let base): self.init(logical, base)
        default: self.init(kind: .string, type: .byteArray, order: .bytes, annotation: .string)
        }
    }

    private init(
        kind: ParquetNode.Kind, type: PhysicalType, width: Int = 0, order: ValueOrder = .signed,
        annotation: ParquetAnnotation? = nil
    ) {
        self.kind = kind
        self.type = type
        self.width = width
        self.order = order
        self.annotation = annotation
    }

    private init(fixed size: Int, _ logical: AvroSchema.Logical?) {
        switch logical {
        case .decimal(let precision, let scale) where precision <= Self.digits(ofBytes: size):
            self.init(precision: precision, scale: scale)
        case .uuid where size == 16:
            self.init(kind: .uuid, type: .fixedLengthByteArray, width: 16, order: .bytes, annotation: .uuid)
        default:
            // A logical type that does not suit is ignored, as Avro demands.
            self.init(kind: .fixed, type: .fixedLengthByteArray, width: size, order: .bytes)
        }
    }

    private init(_ logical: AvroSchema.Logical, _ base: AvroSchema) {
        switch logical {
        case .decimal(let precision, let scale): self.init(precision: precision, scale: scale)
        case .uuid: self.init(kind: .uuid, type: .fixedLengthByteArray, width: 16, order: .bytes, annotation: .uuid)
        case .date: self.init(kind: .date, type: .int32, width: 4, annotation: .date)
        case .timeMillis: self.init(kind: .timeMillis, type: .int32, width: 4, annotation: .time(isMicros: false))
        case .timeMicros: self.init(kind: .timeMicros, type: .int64, width: 8, annotation: .time(isMicros: true))
        case .timestampMillis: self.init(timestamp: .timestampMillis, isMicros: false, isUTC: true)
        case .timestampMicros: self.init(timestamp: .timestampMicros, isMicros: true, isUTC: true)
        case .localTimestampMillis: self.init(timestamp: .localMillis, isMicros: false, isUTC: false)
        case .localTimestampMicros: self.init(timestamp: .localMicros, isMicros: true, isUTC: false)
        }
    }

    private init(timestamp kind: ParquetNode.Kind, isMicros: Bool, isUTC: Bool) {
        self.init(kind: kind, type: .int64, width: 8, annotation: .timestamp(isMicros: isMicros, isUTC: isUTC))
    }

    /// A decimal in the smallest form that holds its digits.
    private init(precision: Int, scale: Int) {
        let annotation = ParquetAnnotation.decimal(precision: precision, scale: scale)
        if precision <= Self.int32Digits {
            self.init(kind: .decimal, type: .int32, width: 4, annotation: annotation)
        } else if precision <= Self.int64Digits {
            self.init(kind: .decimal, type: .int64, width: 8, annotation: annotation)
        } else {
            var size = 9
            while Self.digits(ofBytes: size) < precision { size += 1 }
            self.init(
                kind: .decimal, type: .fixedLengthByteArray, width: size, order: .bigEndian, annotation: annotation)
        }
        self.precision = precision
        self.scale = scale
    }

    /// The digits of which every number fits into so many bytes of two's complement; 38 at most.
    private static func digits(ofBytes size: Int) -> Int {
        guard size > 0 else { return 0 }
        guard size < 16 else { return 38 }
        let largest = (UInt128(1) << UInt128(8 * size - 1)) - 1
        var digits = 0
        var next: UInt128 = 10
        while next - 1 <= largest {
            digits += 1
            next *= 10
        }
        return digits
    }
}

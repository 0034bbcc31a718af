extension ConversionFailure {
    /// Names may be long; what is wrong comes behind them.
    private static let pathBytesMax = 200

    init(_ fault: ShredFault, in plan: ShredPlan) {
        let byte = "at byte \(fault.offset + 1)"
        switch fault.cause {
        case .syntax: self.init(cause: "the record is not JSON (\(byte))")
        case .tooDeep:
            self.init(cause: "the record is nested more than \(JSONCursor.maximumDepth) levels deep (\(byte))")
        case .trailing: self.init(cause: "more than one JSON value (\(byte))")
        case .tooLong: self.init(cause: "the record is longer than \(RecordShredder.recordBytesMax >> 30) GiB")
        case .tooManyEntries:
            self.init(
                cause:
                    "the record leaves out too much: more than \(RecordShredder.fillingMax >> 20) Mi nulls and defaults"
            )
        default:
            let node = Int(fault.node)
            guard node > 0 else {
                self.init(cause: "the record is not a JSON object")
                return
            }
            let subject = "field `\(Self.shortened(plan.path(of: node)))`"
            self.init(cause: "\(subject) \(Self.predicate(fault.cause, unsafe plan.nodes[node]))")
        }
    }

    private static func predicate(_ cause: ShredFault.Cause, _ node: ParquetNode) -> String {
        switch cause {
        case .missing: "is missing"
        case .null: "is null, but must have a value"
        case .notObject: "is not an object"
        case .notArray: "is not an array"
        case .notText: "is not text"
        case .notNumber: "is not a number"
        case .notBoolean: "is not true or false"
        case .notIntegral: "is not a whole number"
        case .outOfRange: "is out of range"
        case .notSymbol: "is no symbol of its enum"
        case .wrongLength: "does not have \(node.width) bytes"
        case .notBytes: "is no bytes: characters must be U+0000 to U+00FF"
        case .notUUID: "is no UUID"
        case .notDate: "is no date like 2026-01-02 and no number of days"
        case .notTime: "is no time of day like 12:34:56.789 and no number"
        case .notTimestamp: "is no timestamp like 2026-01-02T03:04:05Z and no number"
        case .notDecimal: "is no decimal number"
        case .tooManyDigits: "has more than \(node.precision) digits"
        case .tooManyPlaces: "has more than \(node.scale) decimal places"
        case .noBranch: "is of no type of its union"
        case .severalMembers: "names its type, but has more than one member"
        case .tooLong, .tooManyEntries, .syntax, .tooDeep, .trailing, .duplicate: "is not JSON"
        }
    }

    private static func shortened(_ path: String) -> String {
        path.utf8.count <= pathBytesMax ? path : "\(path.prefix(pathBytesMax))…"
    }
}

package import SluiceCore

/// How a record's own time is found: `processing_schema` (spec section 4.3.1).
package enum RecordTimeRule: Sendable, Hashable {
    /// A 13-digit number of milliseconds, also as text.
    case milliseconds(attribute: String)
    case text(attribute: String, format: TimestampTextFormat)

    /// The longest name of a record's member; the public API names no bound.
    private static let nameBytesMax = 256

    package init(validating schema: OBSDescriptor.ProcessingSchema) throws(TransferError) {
        guard let name = schema.timestampName, !name.isEmpty else {
            throw OBSDestination.invalid("processing_schema.timestamp_name is missing")
        }
        guard name.utf8.count <= Self.nameBytesMax else {
            throw OBSDestination.invalid("processing_schema.timestamp_name has more than \(Self.nameBytesMax) bytes")
        }
        switch schema.timestampType {
        case "Timestamp": self = .milliseconds(attribute: name)
        case "String":
            guard let format = TimestampTextFormat(rawValue: schema.timestampFormat ?? "") else {
                throw OBSDestination.invalid("processing_schema.timestamp_format is not one of the documented formats")
            }
            self = .text(attribute: name, format: format)
        default: throw OBSDestination.invalid("processing_schema.timestamp_type must be String or Timestamp")
        }
    }

    package var attribute: String {
        switch self {
        case .milliseconds(let attribute), .text(let attribute, _): attribute
        }
    }
}

/// The documented forms of a record's time as text, read as UTC.
package enum TimestampTextFormat: String, Sendable, Hashable, CaseIterable {
    case yearFirstSlashes = "yyyy/MM/dd HH:mm:ss"
    case monthFirstSlashes = "MM/dd/yyyy HH:mm:ss"
    case dayFirstSlashes = "dd/MM/yyyy HH:mm:ss"
    case yearFirstHyphens = "yyyy-MM-dd HH:mm:ss"
    case monthFirstHyphens = "MM-dd-yyyy HH:mm:ss"
    case dayFirstHyphens = "dd-MM-yyyy HH:mm:ss"

    /// The moment that `text` names; nil unless it has exactly this form and is a date of the calendar.
    package func parse(_ text: String) -> Timestamp? {
        let form = Array(rawValue.utf8)
        let bytes = Array(text.utf8)
        guard bytes.count == form.count else { return nil }
        var parts: [UInt8: Int] = [:]
        for (expected, byte) in zip(form, bytes) {
            switch expected {
            case UInt8(ascii: "y"), UInt8(ascii: "M"), UInt8(ascii: "d"), UInt8(ascii: "H"), UInt8(ascii: "m"),
                UInt8(ascii: "s"):
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                parts[expected, default: 0] = parts[expected, default: 0] * 10 + Int(byte - 0x30)
            default:
                guard byte == expected else { return nil }
            }
        }
        return CivilTime(
            year: parts[UInt8(ascii: "y")] ?? 0, month: parts[UInt8(ascii: "M")] ?? 0,
            day: parts[UInt8(ascii: "d")] ?? 0, hour: parts[UInt8(ascii: "H")] ?? 0,
            minute: parts[UInt8(ascii: "m")] ?? 0, second: parts[UInt8(ascii: "s")] ?? 0)?.timestamp
    }
}

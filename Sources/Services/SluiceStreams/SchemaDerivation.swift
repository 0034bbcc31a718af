internal import SluiceCore

/// Derives an Avro record schema from a JSON sample (spec section 2.9.4): text is `string`, an integer `long`, a fraction
/// `double`, a truth value `boolean`, an object a nested record, an array one of its first element's type, null
/// `["null","string"]`. Members keep the order of the sample.
package enum SchemaDerivation {
    /// Longest sample that is read.
    package static let maximumSampleLength = 1 << 20

    /// The schema as JSON text; throws `invalidRequest` when the sample is no JSON object.
    package static func schema(of sample: String) throws(StreamsError) -> String {
        guard sample.utf8.count <= maximumSampleLength, let value = try? JSONValue(parsing: sample),
            case .object = value
        else { throw .invalid("source_data_sample is not a JSON object") }
        var reader = Reader(Array(sample.utf8))
        return reader.type(named: "root")
    }

    /// Walks through JSON that is known to be valid and writes the type of each value.
    private struct Reader {
        private let bytes: [UInt8]
        private var index = 0
        private var records = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        mutating func type(named name: String) -> String {
            skipBlanks()
            switch bytes[index] {
            case UInt8(ascii: "{"): return record(named: name)
            case UInt8(ascii: "["): return array(named: name)
            case UInt8(ascii: "\""):
                _ = string()
                return "\"string\""
            case UInt8(ascii: "t"):
                index += 4
                return "\"boolean\""
            case UInt8(ascii: "f"):
                index += 5
                return "\"boolean\""
            case UInt8(ascii: "n"):
                index += 4
                return "[\"null\",\"string\"]"
            default: return number()
            }
        }

        private mutating func record(named name: String) -> String {
            records += 1
            let full = records == 1 ? name : "\(name)_\(records)"
            var fields: [String] = []
            var seen: Set<String> = []
            index += 1
            skipBlanks()
            while bytes[index] != UInt8(ascii: "}") {
                let member = string()
                skipBlanks()
                index += 1  // the colon
                let field = Self.identifier(member)
                let type = type(named: field)
                if seen.insert(field).inserted { fields.append("{\"name\":\"\(field)\",\"type\":\(type)}") }
                skipBlanks()
                if bytes[index] == UInt8(ascii: ",") {
                    index += 1
                    skipBlanks()
                }
            }
            index += 1
            return "{\"type\":\"record\",\"name\":\"\(full)\",\"fields\":[\(fields.joined(separator: ","))]}"
        }

        private mutating func array(named name: String) -> String {
            var items: String?
            index += 1
            skipBlanks()
            while bytes[index] != UInt8(ascii: "]") {
                let type = type(named: name)
                items = items ?? type
                skipBlanks()
                if bytes[index] == UInt8(ascii: ",") {
                    index += 1
                    skipBlanks()
                }
            }
            index += 1
            return "{\"type\":\"array\",\"items\":\(items ?? "[\"null\",\"string\"]")}"
        }

        private mutating func number() -> String {
            var isFraction = false
            while index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"): index += 1
                case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
                    isFraction = true
                    index += 1
                default: return isFraction ? "\"double\"" : "\"long\""
                }
            }
            return isFraction ? "\"double\"" : "\"long\""
        }

        /// The raw text between the quotes, escapes left as they are.
        private mutating func string() -> String {
            index += 1
            let start = index
            while bytes[index] != UInt8(ascii: "\"") { index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1 }
            defer { index += 1 }
            return String(decoding: bytes[start..<index], as: UTF8.self)
        }

        private mutating func skipBlanks() {
            while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
        }

        /// A member's name as Avro allows it: letters, digits and underscores, not beginning with a digit.
        private static func identifier(_ name: String) -> String {
            var text = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
            if text.first?.isNumber ?? true { text = "_" + text }
            return text
        }
    }
}

/// A project: the tenant that owns streams, apps and tasks. 1 to 64 of `[A-Za-z0-9_-]` (spec section 1.5).
package struct ProjectID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        guard text.isName(upTo: 64) else { return nil }
        self.text = text
    }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
    package var description: String { text }
}

/// The server's own name of a stream: 20 random letters and digits (spec section 1.5).
package struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
    package var description: String { text }
}

/// A stream's name as its user chose it: 1 to 64 of `[A-Za-z0-9_-]`, case-sensitive (spec section 1.2).
package struct StreamName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        guard text.isName(upTo: 64) else { return nil }
        self.text = text
    }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
    package var description: String { text }
}

/// The number of a partition within its stream, written `shardId-0000000003` on the wire (spec section 1.1).
package struct PartitionNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: Int

    package init(_ value: Int) {
        self.value = value
    }

    /// Reads both public forms, `shardId-0000000003` and `3`; nil when the text is neither, or above 2^31-1.
    package init?(parsing text: some StringProtocol) {
        let digits = text.hasPrefix("shardId-") ? text.dropFirst(8) : text[...]
        guard !digits.isEmpty, digits.utf8.count <= 10, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let value = Int(digits), value <= Int(Int32.max)
        else { return nil }
        self.value = value
    }

    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    /// The wire form, `shardId-` and ten digits.
    package var description: String { "shardId-" + value.padded(to: 10) }
}

/// One partition of one stream: the key under which a `RecordLog` keeps its records.
package struct PartitionID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let stream: StreamID
    package let number: PartitionNumber

    package init(stream: StreamID, number: PartitionNumber) {
        self.stream = stream
        self.number = number
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.stream, left.number) < (right.stream, right.number)
    }

    package var description: String { "\(stream)/\(number)" }
}

extension String {
    /// Whether the text is 1 to `limit` of `[A-Za-z0-9_-]`, the alphabet of nearly every name in the public API.
    package func isName(upTo limit: Int) -> Bool {
        var text = self
        return text.withUTF8 { bytes in
            guard !bytes.isEmpty, bytes.count <= limit else { return false }
            return unsafe bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        }
    }
}

/// Random identifiers in the shape of the public service: 20 letters and digits, 119 bits.
package struct IdentifierGenerator: Sendable {
    private let draw: @Sendable () -> UInt64

    /// - Parameter draw: 64 random bits a call; tests pass a seeded source.
    package init(drawingFrom draw: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }) {
        self.draw = draw
    }

    /// A fresh identifier of `length` letters and digits.
    package func next(length: Int = 20) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var text = [UInt8]()
        while text.count < length {
            // Six bits a character; 62 and 63 are drawn again so that each character is equally likely.
            var bits = draw()
            for _ in 0..<10 where text.count < length {
                let index = Int(bits & 63)
                bits >>= 6
                if index < alphabet.count { text.append(alphabet[index]) }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

// Identifiers are stored as plain text and numbers.

extension ProjectID: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let id = ProjectID(text) else { throw DecodingError.invalid("project id", decoder) }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension StreamID: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension StreamName: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let name = StreamName(text) else { throw DecodingError.invalid("stream name", decoder) }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension PartitionNumber: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(Int.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

extension DecodingError {
    fileprivate static func invalid(_ what: String, _ decoder: any Decoder) -> DecodingError {
        .dataCorrupted(Context(codingPath: decoder.codingPath, debugDescription: "not a \(what)"))
    }
}

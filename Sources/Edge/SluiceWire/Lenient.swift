// The public API writes numbers as strings and strings as numbers; these types take both, and give one.
// A wrong type is a `DecodingError.typeMismatch`, whose path names the member (spec section 1.3, rule 8).

/// An integer, sent as a number or as decimal text.
package struct LenientInt: Codable, Sendable, Hashable {
    package let value: Int

    package init(_ value: Int) { self.value = value }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Int.self) {
            self.value = value
        } else if let text = try? container.decode(String.self), let value = Int(text) {
            self.value = value
        } else {
            throw DecodingError.typeMismatch(
                Int.self, .init(codingPath: decoder.codingPath, debugDescription: "must be an integer"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// Text, sent as a string or as a number.
package struct LenientString: Codable, Sendable, Hashable {
    package let value: String

    package init(_ value: String) { self.value = value }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(String.self) {
            self.value = value
        } else if let value = try? container.decode(Int64.self) {
            self.value = String(value)
        } else if let value = try? container.decode(UInt64.self) {
            self.value = String(value)
        } else if let value = try? container.decode(Double.self), (try? container.decode(Bool.self)) == nil {
            self.value = String(value)
        } else {
            throw DecodingError.typeMismatch(
                String.self, .init(codingPath: decoder.codingPath, debugDescription: "must be a string"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// A truth value, sent as one or as the text `true` or `false`.
package struct LenientBool: Codable, Sendable, Hashable {
    package let value: Bool

    package init(_ value: Bool) { self.value = value }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self.value = value
        } else if let text = try? container.decode(String.self), let value = Bool(text.lowercased()) {
            self.value = value
        } else {
            throw DecodingError.typeMismatch(
                Bool.self, .init(codingPath: decoder.codingPath, debugDescription: "must be true or false"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

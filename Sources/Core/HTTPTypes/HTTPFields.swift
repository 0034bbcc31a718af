/// Header fields in the order and spelling they arrived or shall be sent in; names compare without case.
package struct HTTPFields: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    package var fields: [Field]

    package init(_ fields: [(name: String, value: String)] = []) {
        self.fields = []
        // Answers get a field or two more on their way out.
        self.fields.reserveCapacity(fields.count + 2)
        for field in fields { append(field.name, field.value) }
    }

    /// The first value of that name; setting replaces all of that name, nil removes them.
    package subscript(name: String) -> String? {
        get { fields.first { $0.name.equalsIgnoringCase(name) }?.value }
        set {
            fields.removeAll { $0.name.equalsIgnoringCase(name) }
            if let newValue { append(name, newValue) }
        }
    }

    /// All values of that name, in order.
    package func values(of name: String) -> [String] {
        fields.compactMap { $0.name.equalsIgnoringCase(name) ? $0.value : nil }
    }

    package mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }
}

extension String {
    /// Equality of ASCII text without regard to case (RFC 9110, 5.1).
    package func equalsIgnoringCase(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        var left = self, right = other
        return left.withUTF8 { left in
            right.withUTF8 { right in
                left.indices.allSatisfy { unsafe left[$0].asciiLowercased == right[$0].asciiLowercased }
            }
        }
    }
}

extension UInt8 {
    fileprivate var asciiLowercased: UInt8 {
        self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
    }
}

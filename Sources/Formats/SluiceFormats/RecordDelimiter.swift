/// What stands after each record of a text object (spec section 4.3.1).
package enum RecordDelimiter: Sendable, Hashable, CaseIterable {
    case none, newline, comma, semicolon, bar

    /// Reads the forms that clients send: the character itself, backslash and `n` for a line feed, and the empty text or
    /// `NULL` for none. Nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "", "NULL": self = .none
        case "\n", "\\n": self = .newline
        case ",": self = .comma
        case ";": self = .semicolon
        case "|": self = .bar
        default: return nil
        }
    }

    /// The bytes written after each record, the last one too.
    package var bytes: [UInt8] {
        switch self {
        case .none: []
        case .newline: [0x0A]
        case .comma: [0x2C]
        case .semicolon: [0x3B]
        case .bar: [0x7C]
        }
    }
}

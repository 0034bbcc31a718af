/// A regular expression over stream names that a consumer group subscribes to.
///
/// The engine tries alternatives one after the other, so some expressions take exponential time. Those are refused: a
/// repeated group, flags, more than three repetitions, more than six alternatives within groups.
struct StreamPattern {
    /// The longest pattern, in UTF-8 bytes.
    static let maximumLength = 256
    static let maximumRepetitions = 3
    static let maximumGroupedAlternatives = 6

    private let expression: Regex<AnyRegexOutput>

    /// Nil where the text is no regular expression or one of those that are refused.
    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, Self.isCheap(text), let expression = try? Regex(text) else {
            return nil
        }
        self.expression = expression
    }

    func matches(_ name: String) -> Bool {
        (try? expression.wholeMatch(in: name)) != nil
    }

    private static func isCheap(_ text: String) -> Bool {
        var repetitions = 0
        var alternatives = 0
        var depth = 0
        var previous: Character?
        var isEscaped = false
        var beginsKind = false
        for character in text {
            if isEscaped {
                // A quoted stretch may stand between a group and its repetition.
                if character == "Q" { return false }
                isEscaped = false
                previous = nil
                continue
            }
            switch character {
            case "\\": isEscaped = true
            case "(": depth += 1
            case ")": depth -= 1
            case "|" where depth > 0: alternatives += 1
            // Behind an opening parenthesis a question mark begins the group's kind.
            case "*", "+", "{", "?":
                if previous == ")" { return false }
                if previous == "(" { beginsKind = true } else { repetitions += 1 }
            default: break
            }
            // Flags and comments would let blanks or nothing stand between a group and its repetition.
            if beginsKind, character != "?" {
                guard character == ":" else { return false }
                beginsKind = false
            }
            previous = character
        }
        return repetitions <= maximumRepetitions && alternatives <= maximumGroupedAlternatives
    }
}

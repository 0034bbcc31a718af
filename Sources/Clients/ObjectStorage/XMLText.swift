/// The little XML that object stores answer with: elements without attributes that matter, found by name.
enum XMLText {
    /// The text of the first element of that name, entities resolved; nil when there is none.
    static func first(_ name: String, in text: some StringProtocol) -> String? {
        all(name, in: text, limit: 1).first.map(unescape)
    }

    /// What stands inside each element of that name, as it is; at most `limit`.
    static func all(_ name: String, in text: some StringProtocol, limit: Int = 1000) -> [String] {
        var found: [String] = []
        var rest = text[text.startIndex...]
        let end = "</\(name)>"
        while found.count < limit, let start = rest.firstRange(of: "<\(name)>") {
            let inside = rest[start.upperBound...]
            guard let stop = inside.firstRange(of: end) else { break }
            found.append(String(inside[..<stop.lowerBound]))
            rest = inside[stop.upperBound...]
        }
        return found
    }

    static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// Characters of the longest entity that means something, `&#x10FFFF;`.
    private static let entityMax = 10

    private static func unescape(_ text: String) -> String {
        guard text.contains("&") else { return text }
        var plain = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "&") {
            plain += rest[..<start]
            guard let end = rest[start...].prefix(entityMax).firstIndex(of: ";"),
                let character = character(of: rest[rest.index(after: start)..<end])
            else {
                plain.append("&")
                rest = rest[rest.index(after: start)...]
                continue
            }
            plain.append(character)
            rest = rest[rest.index(after: end)...]
        }
        return plain + rest
    }

    /// The character that an entity's name or number means; nil when it means none.
    private static func character(of entity: Substring) -> Character? {
        switch entity {
        case "quot": return "\""
        case "apos": return "'"
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        default: break
        }
        guard entity.hasPrefix("#") else { return nil }
        let digits = entity.dropFirst()
        let number = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return number.flatMap { Unicode.Scalar($0) }.map { Character($0) }
    }
}

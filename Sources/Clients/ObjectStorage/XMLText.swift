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

    private static func unescape(_ text: String) -> String {
        text.replacing("&quot;", with: "\"").replacing("&#34;", with: "\"").replacing("&lt;", with: "<")
            .replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }
}

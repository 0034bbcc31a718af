internal import SluiceCore

/// Which keys and values a tag may have (spec section 1.2): letters, digits, `-`, `_` and U+4E00 to U+9FFF; values
/// also `.`; keys 1 to 36 characters, values up to 43.
enum TagRules {
    static func check(_ tag: Tag) throws(StreamsError) {
        guard !tag.key.isEmpty, tag.key.unicodeScalars.count <= 36, tag.key.unicodeScalars.allSatisfy({ isAllowed($0) })
        else { throw .invalid("tag key \(tag.key) is invalid") }
        guard tag.value.unicodeScalars.count <= 43, tag.value.unicodeScalars.allSatisfy({ $0 == "." || isAllowed($0) })
        else { throw .invalid("tag value \(tag.value) is invalid") }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-", "_", "\u{4E00}"..."\u{9FFF}": true
        default: false
        }
    }
}

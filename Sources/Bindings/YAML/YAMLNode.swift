/// One value of a YAML document, with the line it starts on.
package struct YAMLNode: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// The text as written, without its quotes. Whether it is a number or a truth value is the reader's business.
        case scalar(String)
        case sequence([YAMLNode])
        /// In the order of the document; keys are distinct.
        case mapping([YAMLMember])
    }

    package let content: Content
    /// From 1. For an alias, the line of its anchor's value.
    package let line: Int
    /// Whether a scalar stood in quotes or as a block, so that `""` and `"null"` are texts.
    package let isQuoted: Bool

    package init(_ content: Content, line: Int, isQuoted: Bool = false) {
        self.content = content
        self.line = line
        self.isQuoted = isQuoted
    }

    /// Whether it is nothing, `~` or `null` (YAML 1.2, 10.2.1.1).
    package var isNull: Bool {
        guard case .scalar(let text) = content, !isQuoted else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}

/// One `key: value` of a mapping.
package struct YAMLMember: Sendable, Equatable {
    package let key: String
    /// The key's line, from 1.
    package let line: Int
    package let value: YAMLNode

    package init(key: String, line: Int, value: YAMLNode) {
        self.key = key
        self.line = line
        self.value = value
    }
}

/// Why a text is not one YAML document within the limits.
package struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        case syntax
        case duplicateKey
        /// A key that is a sequence or a mapping.
        case keyIsNoScalar
        case unknownAlias
        case moreThanOneDocument
        /// Too large, too deep or too many values: see `YAMLLimits`.
        case limitExceeded
    }

    package let code: Code
    /// From 1; 0 when the error has no place.
    package let line: Int
    package let message: String

    package var description: String { line > 0 ? "line \(line): \(message)" : message }
}

/// What a document may cost at most.
package struct YAMLLimits: Sendable {
    /// Bytes of the text.
    package var maximumSize = 1 << 20
    /// Values within values.
    package var maximumDepth = 32
    /// Values in all, those behind aliases counted each time.
    package var maximumNodes = 50_000

    package init() {}
}

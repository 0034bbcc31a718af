/// Keyed, versioned records of control state: streams, apps, checkpoints, tasks, users.
///
/// Uniqueness, paging, cascades and leases follow from keys and revisions; nobody above knows which database it is.
/// A commit that returns is durable.
package protocol Catalog: Sendable {
    /// The entry of that key, nil when absent.
    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry?

    /// Entries whose keys begin with `prefix`, in ascending byte order of keys, strictly after `after` when given; at
    /// most `limit` (1 or more).
    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry]

    /// Applies all changes or none. Throws `conflict`, naming the first key whose expectation does not hold.
    func commit(_ changes: [CatalogChange]) async throws(CatalogError)
}

/// A slash-separated key such as `stream/PROJECT/NAME`; ordered by its UTF-8 bytes.
package struct CatalogKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// Joins parts with slashes. No part may hold a slash; `trailingSlash` makes a prefix that ends at a part's end.
    package init(_ parts: String..., trailingSlash: Bool = false) {
        text = parts.joined(separator: "/") + (trailingSlash ? "/" : "")
    }

    // Bytes decide, not Unicode's equivalence: two spellings of one letter are two keys, in every backend.

    package static func == (left: Self, right: Self) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(0xFF as UInt8)
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    /// Whether the key's bytes begin with those of `prefix`.
    package func hasPrefix(_ prefix: CatalogKey) -> Bool {
        text.utf8.starts(with: prefix.text.utf8)
    }

    package var description: String { text }
}

extension CatalogKey: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) {
        self.init(text)
    }
}

/// What stands under a key.
package struct CatalogEntry: Sendable, Equatable {
    package let key: CatalogKey
    package let value: [UInt8]
    /// Grows with every commit that touches the entry; never the same for two states of one key.
    package let revision: Int64

    package init(key: CatalogKey, value: [UInt8], revision: Int64) {
        self.key = key
        self.value = value
        self.revision = revision
    }
}

/// What must hold of a key for a commit to happen.
package enum CatalogExpectation: Sendable, Equatable {
    case anything
    case absent
    case present
    case revision(Int64)
}

/// One part of a commit.
package enum CatalogChange: Sendable {
    case put(CatalogKey, [UInt8], expecting: CatalogExpectation = .anything)
    case delete(CatalogKey, expecting: CatalogExpectation = .anything)
    /// Deletes every key that begins with the prefix: cascades.
    case deleteAll(prefix: CatalogKey)
    /// Deletes the first keys that begin with the prefix, at most `entries`, and no more than `bytes` of values unless the
    /// first has more: for cascades that would keep others waiting in one go.
    case deleteFirst(prefix: CatalogKey, entries: Int, bytes: Int)
    /// Changes nothing, but makes the commit depend on the key.
    case require(CatalogKey, CatalogExpectation)
}

/// Why the catalog refused or failed.
package struct CatalogError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// An expectation did not hold; nothing was changed. `key` names it.
        case conflict
        /// The database failed; the commit did not happen.
        case unavailable
        /// The database did not say whether the commit happened.
        case outcomeUnknown
        /// A stored record does not decode or was written by a newer version.
        case damaged
    }

    package let code: Code
    package let key: CatalogKey?
    package let message: String

    package init(_ code: Code, key: CatalogKey? = nil, _ message: String) {
        self.code = code
        self.key = key
        self.message = message
    }

    package var isRetriable: Bool { code == .unavailable }

    package var description: String { "\(code): \(message)" + (key.map { " [\($0)]" } ?? "") }
}

internal import HTTPTypes

/// The query of a request, read as leniently as public clients write it (spec section 1.3, rules 4 and 5): an empty
/// value counts as absent, hyphens and underscores are one, a blank may come as `%20` or `+`, stray `&` are ignored.
package struct QueryParameters: Sendable {
    private let values: [(name: String, value: String)]

    package init(_ query: Substring) {
        guard !query.isEmpty else {
            values = []
            return
        }
        values = query.split(separator: "&").compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let raw = parts.count == 2 ? parts[1] : ""
            // An unescaped or broken value is taken as it stands.
            let name = PercentEncoding.decodeStrictly(parts[0], plusIsBlank: true) ?? String(parts[0])
            let value = PercentEncoding.decodeStrictly(raw, plusIsBlank: true) ?? String(raw)
            guard !value.isEmpty else { return nil }
            return (Self.normalised(name), value)
        }
    }

    private static func normalised(_ name: String) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    /// The first non-empty value; ask with underscores.
    package subscript(name: String) -> String? {
        values.first { $0.name == name }?.value
    }

    /// An integer; throws DIS.4200 when the value is no integer or lies outside `range`.
    package func integer(_ name: String, in range: ClosedRange<Int> = Int.min...Int.max) throws(APIError) -> Int? {
        guard let text = self[name] else { return nil }
        guard let value = Int(text), range.contains(value) else { throw .invalid("\(name) \(text) is invalid") }
        return value
    }

    /// A page size: below 1 is DIS.4200, above `maximum` is clamped.
    package func limit(_ name: String, default standard: Int, maximum: Int) throws(APIError) -> Int {
        min(try integer(name, in: 1...Int.max) ?? standard, maximum)
    }
}

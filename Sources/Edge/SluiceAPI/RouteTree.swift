internal import HTTPTypes

/// All routes as a tree over path segments. Segments are split first and decoded after, so that an escaped slash stays
/// within its name (spec section 1.3, rules 1 and 3).
struct RouteTree: Sendable {
    /// What may follow after the segments that lead here.
    private final class Node: Sendable {
        let literals: [(name: [UInt8], node: Node)]
        let parameter: (name: String, node: Node)?
        let routes: [Route]

        /// - Parameter routes: all that begin with the segments that lead here, each with the segments that follow.
        init(_ routes: [(route: Route, rest: ArraySlice<Substring>)]) {
            var ending: [Route] = []
            var literals: [(name: Substring, routes: [(Route, ArraySlice<Substring>)])] = []
            var parameter: (name: String, routes: [(Route, ArraySlice<Substring>)])?
            for (route, rest) in routes {
                guard let segment = rest.first else {
                    precondition(
                        !ending.contains { $0.method == route.method },
                        "\(route.method) \(route.pattern) is declared twice")
                    ending.append(route)
                    continue
                }
                let next = (route, rest.dropFirst())
                if segment.hasPrefix("{") {
                    let name = parameter?.name ?? String(segment.dropFirst().dropLast())
                    parameter = (name, (parameter?.routes ?? []) + [next])
                } else if let index = literals.firstIndex(where: { $0.name == segment }) {
                    literals[index].routes.append(next)
                } else {
                    literals.append((segment, [next]))
                }
            }
            self.routes = ending
            self.literals = literals.map { (Array($0.name.utf8), Node($0.routes)) }
            self.parameter = parameter.map { ($0.name, Node($0.routes)) }
        }
    }

    enum Match {
        case route(Route, parameters: PathParameters)
        /// The path is known, the method is not.
        case otherMethod(allowed: [String])
        case none
        /// A segment's escapes are broken.
        case undecodable
    }

    private let root: Node

    init(_ routes: [Route]) {
        root = Node(routes.map { ($0, $0.pattern.split(separator: "/")[...]) })
    }

    func match(method: String, path: Substring) -> Match {
        let segments: PathSegments
        do {
            guard let cut = try PathSegments(path) else { return .none }
            segments = cut
        } catch {
            return .undecodable
        }
        var parameters = PathParameters()
        guard let node = Self.find(segments, from: 0, in: root, &parameters) else { return .none }
        if let route = node.routes.first(where: { $0.method == method }) {
            return .route(route, parameters: parameters)
        }
        return .otherMethod(allowed: node.routes.map(\.method).sorted())
    }

    /// Literals win over parameters; where that leads nowhere, the parameter is tried.
    private static func find(
        _ segments: PathSegments, from index: Int, in node: Node, _ parameters: inout PathParameters
    ) -> Node? {
        guard index < segments.count else { return node.routes.isEmpty ? nil : node }
        if let child = node.literals.first(where: { segments.equals($0.name, at: index) })?.node,
            let found = find(segments, from: index + 1, in: child, &parameters)
        {
            return found
        }
        if let parameter = node.parameter, let found = find(segments, from: index + 1, in: parameter.node, &parameters)
        {
            parameters.append(parameter.name, segments.text(at: index))
            return found
        }
        return nil
    }
}

/// The decoded values of a route's `{parameters}`.
package struct PathParameters: Sendable {
    private var values: [(name: String, value: String)] = []

    mutating func append(_ name: String, _ value: String) {
        values.append((name, value))
    }

    package subscript(name: String) -> String? {
        values.first { $0.name == name }?.value
    }
}

/// The decoded segments of a path, all of them in one array.
private struct PathSegments {
    private var bytes: [UInt8]
    private var ranges: [Range<Int>] = []

    struct Undecodable: Error {}

    /// Cuts a raw path; trailing slashes fall away. Nil when it does not begin with a slash or has an empty segment
    /// inside.
    init?(_ path: Substring) throws(Undecodable) {
        let slash = UInt8(ascii: "/")
        bytes = Array(path.utf8)
        guard bytes.first == slash else { return nil }
        let end = bytes.lastIndex { $0 != slash }.map { $0 + 1 } ?? 0
        ranges.reserveCapacity(8)
        var start = 1
        while start <= end {
            let next = bytes[start..<end].firstIndex(of: slash) ?? end
            guard next > start else { return nil }
            ranges.append(start..<next)
            start = next + 1
        }
        if bytes.contains(UInt8(ascii: "%")) { try decode() }
    }

    private mutating func decode() throws(Undecodable) {
        var decoded: [UInt8] = []
        for index in ranges.indices {
            guard let text = PercentEncoding.decodeStrictly(text(at: index)) else { throw Undecodable() }
            ranges[index] = decoded.count..<decoded.count + text.utf8.count
            decoded += text.utf8
        }
        bytes = decoded
    }

    var count: Int { ranges.count }

    func text(at index: Int) -> String { String(decoding: bytes[ranges[index]], as: UTF8.self) }

    func equals(_ name: [UInt8], at index: Int) -> Bool {
        ranges[index].count == name.count && bytes[ranges[index]].elementsEqual(name)
    }
}

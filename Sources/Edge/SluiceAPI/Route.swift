package import HTTPTypes

/// One operation: a method, a path pattern with `{parameters}`, and what answers it.
package struct Route: Sendable {
    package typealias Handler = @Sendable (RequestContext) async throws -> HTTPResponse

    package let method: String
    package let pattern: String
    package let handler: Handler

    package init(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
        self.method = method
        self.pattern = pattern
        self.handler = handler
    }
}

/// All routes as a tree over path segments. Segments are split first and decoded after, so that an escaped slash stays
/// within its name (spec section 1.3, rules 1 and 3).
struct RouteTree: Sendable {
    private indirect enum Child: Sendable {
        case node(Node)
    }

    private struct Node: Sendable {
        var literals: [String: Child] = [:]
        var parameter: (name: String, child: Child)?
        var routes: [String: Route] = [:]
    }

    enum Match {
        case route(Route, parameters: [String: String])
        /// The path is known, the method is not.
        case otherMethod(allowed: [String])
        case none
        /// A segment's escapes are broken.
        case undecodable
    }

    private var root = Node()

    init(_ routes: [Route]) {
        for route in routes { Self.insert(route, Self.segments(route.pattern[...])?[...] ?? [], into: &root) }
    }

    private static func insert(_ route: Route, _ segments: ArraySlice<Substring>, into node: inout Node) {
        guard let segment = segments.first else {
            precondition(node.routes[route.method] == nil, "\(route.method) \(route.pattern) is declared twice")
            node.routes[route.method] = route
            return
        }
        let rest = segments.dropFirst()
        if segment.hasPrefix("{") {
            let name = String(segment.dropFirst().dropLast())
            var child = Node()
            if case .node(let known)? = node.parameter?.child { child = known }
            insert(route, rest, into: &child)
            node.parameter = (node.parameter?.name ?? name, .node(child))
        } else {
            var child = Node()
            if case .node(let known)? = node.literals[String(segment)] { child = known }
            insert(route, rest, into: &child)
            node.literals[String(segment)] = .node(child)
        }
    }

    /// The segments of a raw path; trailing slashes fall away, an empty segment inside gives nil.
    private static func segments(_ path: Substring) -> [Substring]? {
        guard path.first == "/" else { return nil }
        var segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        while segments.last?.isEmpty == true { segments.removeLast() }
        return segments.contains { $0.isEmpty } ? nil : segments
    }

    func match(method: String, path: Substring) -> Match {
        guard let raw = Self.segments(path) else { return .none }
        var segments: [String] = []
        segments.reserveCapacity(raw.count)
        for segment in raw {
            guard let decoded = PercentEncoding.decodeStrictly(segment) else { return .undecodable }
            segments.append(decoded)
        }
        var parameters: [String: String] = [:]
        guard let node = Self.find(segments[...], in: root, &parameters) else { return .none }
        if let route = node.routes[method] { return .route(route, parameters: parameters) }
        return .otherMethod(allowed: node.routes.keys.sorted())
    }

    /// Literals win over parameters; where that leads nowhere, the parameter is tried.
    private static func find(
        _ segments: ArraySlice<String>, in node: Node, _ parameters: inout [String: String]
    ) -> Node? {
        guard let segment = segments.first else { return node.routes.isEmpty ? nil : node }
        let rest = segments.dropFirst()
        if case .node(let child)? = node.literals[segment], let found = find(rest, in: child, &parameters) {
            return found
        }
        if let parameter = node.parameter, case .node(let child) = parameter.child,
            let found = find(rest, in: child, &parameters)
        {
            parameters[parameter.name] = segment
            return found
        }
        return nil
    }
}

package import HTTPTypes

/// One operation: a method, a path pattern with `{parameters}`, and what answers it.
package struct Route: Sendable {
    package typealias Handler = @Sendable (RequestContext) async throws -> HTTPResponse

    package let method: String
    package let pattern: String
    package let handler: Handler
    /// What the latency figures call it.
    let operation: RequestMetrics.Operation

    package init(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
        self.method = method
        self.pattern = pattern
        self.handler = handler
        operation = RequestMetrics.Operation(method: method, pattern: pattern)
    }
}

internal import HTTPTypes
internal import Observability
internal import Synchronization

/// `/healthz`, `/readyz` and `/metrics`: what a supervisor and a monitoring system ask for.
final class OperatorPages: Sendable {
    private let metrics: MetricsRegistry
    private let isReady = Atomic<Bool>(false)

    init(metrics: MetricsRegistry) {
        self.metrics = metrics
    }

    /// From now on `/readyz` answers 200, or 503 again while the server drains.
    func setReady(_ ready: Bool) {
        isReady.store(ready, ordering: .releasing)
    }

    /// Whether the path is that of a page.
    func has(_ path: Substring) -> Bool {
        // The others that are asked for often are longer.
        path.utf8.count <= 8 && (path == "/healthz" || path == "/readyz" || path == "/metrics")
    }

    /// The page; nil when the path is none of them.
    func respond(to request: HTTPRequest) async -> HTTPResponse? {
        let path = request.path
        guard has(path) else { return nil }
        guard request.method == "GET" || request.method == "HEAD" else {
            return Self.text(405, "method not allowed\n")
        }
        switch path {
        case "/healthz": return Self.text(200, "ok\n")
        case "/readyz":
            return isReady.load(ordering: .acquiring) ? Self.text(200, "ready\n") : Self.text(503, "not ready\n")
        default:
            return HTTPResponse(
                status: 200, headers: HTTPFields([("Content-Type", "text/plain; version=0.0.4; charset=utf-8")]),
                body: Array(await metrics.page().utf8))
        }
    }

    private static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: HTTPFields([("Content-Type", "text/plain; charset=utf-8")]), body: Array(text.utf8)
        )
    }
}

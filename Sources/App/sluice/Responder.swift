internal import HTTPServer
internal import HTTPTypes
internal import SluiceAPI
internal import SluiceAuth

/// Hands what the HTTP server has received to whoever answers it: operator pages, identity, the API.
final class Responder: Sendable {
    private let router: Router
    private let identity: IdentityRoutes
    private let pages: OperatorPages?

    /// - Parameter pages: nil where the pages have a listener of their own.
    init(router: Router, identity: IdentityRoutes, pages: OperatorPages?) {
        self.router = router
        self.identity = identity
        self.pages = pages
    }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let pages, pages.has(request.path), let answer = await pages.respond(to: request) { return answer }
        if identity.has(request.path), let answer = await identity.respond(to: request) {
            return Router.identified(answer)
        }
        return await router.respond(to: request)
    }

    /// Called on the server's thread once per round. Each request becomes a task: the server counts it as in flight until
    /// it is answered, and waits for it when draining; nothing cancels it, since its effects may be durable already.
    func dispatch(_ exchanges: [HTTPExchange]) {
        for exchange in exchanges {
            Task { exchange.respond(await self.respond(to: exchange.request)) }
        }
    }
}

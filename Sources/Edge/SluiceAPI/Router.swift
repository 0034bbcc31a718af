package import HTTPTypes
package import Observability
package import SluiceCore
internal import SluiceStreams
internal import SluiceWire

/// From a request to its answer: finds the operation, checks who calls, and turns every failure into a public error.
/// Knows no socket.
package struct Router: Sendable {
    private let tree: RouteTree
    private let authenticator: any RequestAuthenticator
    private let errors: ErrorTable
    private let bodies: BodyDecoding
    private let metrics: RequestMetrics
    private let logger: Logger

    package init(
        routes: [Route], authenticator: any RequestAuthenticator, errors: ErrorTable,
        maximumBodySize: ByteCount = .mebibytes(12), metrics: RequestMetrics, logger: Logger
    ) {
        tree = RouteTree(routes)
        self.authenticator = authenticator
        self.errors = errors
        bodies = BodyDecoding(limit: maximumBodySize.bytes)
        self.metrics = metrics
        self.logger = logger
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        let response: HTTPResponse
        do {
            response = try await answer(request)
        } catch {
            response = Self.response(to: translate(error, request))
        }
        return Self.identified(response)
    }

    /// The answer with an `X-Request-Id` of its own, which clients report with every failure.
    package static func identified(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers.append("X-Request-Id", RequestIdentifier.next())
        return response
    }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        switch tree.match(method: request.method, path: request.path) {
        case .none: throw APIError.unknownRoute
        case .undecodable: throw APIError.invalid("the url is not valid percent-encoded UTF-8")
        case .otherMethod(let allowed):
            var response = Self.response(to: .wrongMethod)
            response.headers.append("Allow", allowed.joined(separator: ", "))
            return response
        case .route(let route, let parameters):
            let began = metrics.begin()
            defer { metrics.observe(route.operation, since: began) }
            let caller: RequestCaller
            do throws(APIError) {
                caller = try authenticator.authenticate(request, project: parameters["project_id"])
            } catch {
                guard await authenticator.looksAgain(after: error) else { throw error }
                caller = try authenticator.authenticate(request, project: parameters["project_id"])
            }
            let context = RequestContext(
                request: request, parameters: parameters, query: QueryParameters(request.query), caller: caller,
                body: try bodies.decode(request))
            return try await route.handler(context)
        }
    }

    private func translate(_ error: any Error, _ request: HTTPRequest) -> APIError {
        switch error {
        case let error as APIError: return error
        case let error as StreamsError:
            if error.code == .storageUnavailable {
                logger.error(
                    "A request failed", ["method": request.method, "path": "\(request.path)", "error": "\(error)"])
            }
            return errors.error(for: error)
        default:
            logger.error(
                "A request failed", ["method": request.method, "path": "\(request.path)", "error": "\(error)"])
            return .system
        }
    }

    /// The answer to a refused request, also for what the server refuses before routing.
    package static func response(to error: APIError) -> HTTPResponse {
        let body = ErrorBody(code: error.code, message: error.message)
        return (try? .json(error.status, body)) ?? HTTPResponse(status: error.status)
    }
}

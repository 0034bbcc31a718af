import HTTPTypes
import Observability
import SluiceAPI
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

@Suite struct RouterTests {
    private func router(_ authenticator: any RequestAuthenticator) -> Router {
        func route(_ method: String, _ pattern: String) -> Route {
            Route(method, pattern) { context in
                let names = ["project_id", "name", "rest"].filter { !context.parameter($0).isEmpty }
                let values = names.map { "\($0)=\(context.parameter($0))" }
                return HTTPResponse(status: 200, body: Array(([pattern] + values).joined(separator: " ").utf8))
            }
        }
        return Router(
            routes: [
                route("GET", "/v2/{project_id}/streams"), route("POST", "/v2/{project_id}/streams"),
                route("GET", "/v2/{project_id}/streams/{name}"), route("GET", "/v2/{project_id}/streams/batch/{rest}"),
            ], authenticator: authenticator, errors: ErrorTable(),
            metrics: RequestMetrics(MetricsRegistry(), time: ManualTime()), logger: .silent)
    }

    @Test(
        arguments: [
            ("GET", "/v2/p/streams", 200, "/v2/{project_id}/streams project_id=p"),
            ("GET", "/v2/p/streams//", 200, "/v2/{project_id}/streams project_id=p"),
            ("POST", "/v2/p/streams?a=/b", 200, "/v2/{project_id}/streams project_id=p"),
            ("GET", "/v2/p/streams/a%2Fb", 200, "/v2/{project_id}/streams/{name} project_id=p name=a/b"),
            ("GET", "/v2/p/%73treams/a+b", 200, "/v2/{project_id}/streams/{name} project_id=p name=a+b"),
            ("GET", "/v2/p/streams/batch", 200, "/v2/{project_id}/streams/{name} project_id=p name=batch"),
            ("GET", "/v2/p/streams/batch/x", 200, "/v2/{project_id}/streams/batch/{rest} project_id=p rest=x"),
            ("DELETE", "/v2/p/streams", 405, nil), ("get", "/v2/p/streams", 405, nil),
            ("GET", "/v2/p/streams/a%2", 400, nil), ("GET", "/v2/p/streams/%ff", 400, nil),
            ("GET", "/v2//streams", 404, nil), ("GET", "v2/p/streams", 404, nil), ("GET", "/v2/p/stream", 404, nil),
            ("GET", "/", 404, nil), ("GET", "", 404, nil), ("GET", "/?/v2/p/streams", 404, nil),
        ] as [(String, String, Int, String?)])
    func pathsLeadToTheirRoutes(method: String, target: String, status: Int, text: String?) async {
        let answer = await router(Newcomer(isKnown: true, becomesKnown: true)).respond(
            to: HTTPRequest(method: method, target: target))
        #expect(answer.status == status)
        if let text { #expect(String(decoding: answer.body, as: UTF8.self) == text) }
    }

    /// A caller who becomes known while the request is being refused.
    private final class Newcomer: RequestAuthenticator {
        private let isKnown: Atomic<Bool>
        private let becomesKnown: Bool
        private let checks = Atomic<Int>(0)

        init(isKnown: Bool, becomesKnown: Bool) {
            self.isKnown = Atomic(isKnown)
            self.becomesKnown = becomesKnown
        }

        var checkCount: Int { checks.load(ordering: .sequentiallyConsistent) }

        func authenticate(_ request: HTTPRequest, project: String?) throws(APIError) -> RequestCaller {
            checks.add(1, ordering: .sequentiallyConsistent)
            guard isKnown.load(ordering: .sequentiallyConsistent), let project = ProjectID(project ?? "") else {
                throw APIError(status: 401, code: "DIS.4107", message: "unknown")
            }
            return RequestCaller(project: project, domainName: "d", userName: "u", userID: "i")
        }

        func looksAgain(after refusal: APIError) async -> Bool {
            isKnown.store(becomesKnown, ordering: .sequentiallyConsistent)
            return becomesKnown
        }
    }

    @Test(arguments: [(true, false, 200, 1), (false, true, 200, 2), (false, false, 401, 1)])
    func aRefusedCallerIsLookedAtOnceMore(isKnown: Bool, becomesKnown: Bool, status: Int, checks: Int) async {
        let caller = Newcomer(isKnown: isKnown, becomesKnown: becomesKnown)
        let answer = await router(caller).respond(to: HTTPRequest(method: "GET", target: "/v2/p/streams"))
        #expect(answer.status == status)
        #expect(caller.checkCount == checks)
    }
}

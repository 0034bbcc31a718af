import Crypto
import Foundation
import HTTPTypes
import SluiceCatalog
import SluiceCore
import SluiceTesting
import Testing

@testable import SluiceAuth

@Suite struct IdentityRoutesTests {
    private static let otherDomain = #"{"project":{"name":"region1","domain":{"name":"other"}}}"#

    private func routes(_ world: World, endpoint: String? = nil, status: Int = 401) -> IdentityRoutes {
        var settings = IdentityRoutes.Settings(
            region: "region1", publicEndpoint: endpoint, listenEndpoint: "http://127.0.0.1:8080")
        settings.unauthenticatedStatus = status
        return IdentityRoutes(
            authenticator: world.authenticator, passwords: PasswordWorker(cost: .minimal), settings: settings,
            time: world.time)
    }

    private func request(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: String = ""
    ) -> HTTPRequest {
        HTTPRequest(
            method: method, target: target, headers: HTTPFields([("Host", "sluice.test:8080")] + headers),
            body: HTTPBody(body), peer: "192.0.2.1")
    }

    private func login(_ password: String = "example-password", scope: String? = nil, user: String = "sluice") -> String
    {
        let scope = scope.map { #","scope":\#($0)"# } ?? ""
        return #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"default-domain"},"#
            + #""name":"\#(user)","password":"\#(password)"}}}\#(scope)}}"# + "\n"
    }

    private func json(_ response: HTTPResponse?) throws -> [String: Any] {
        let response = try #require(response)
        #expect(response.headers["Content-Type"] == "application/json")
        return try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
    }

    private func token(_ routes: IdentityRoutes, _ body: String) async throws -> (text: String, token: [String: Any]) {
        let response = await routes.respond(to: request("POST", "/v3/auth/tokens", body: body))
        #expect(response?.status == 201)
        let text = try #require(response?.headers["X-Subject-Token"])
        return (text, try #require(try json(response)["token"] as? [String: Any]))
    }

    @Test(
        arguments: [
            (1_767_323_045_007, "2026-01-02T03:04:05.007000Z"), (0, "1970-01-01T00:00:00.000000Z"),
            (1_999, "1970-01-01T00:00:01.999000Z"),
        ] as [(Int64, String)])
    func times(milliseconds: Int64, text: String) {
        #expect(IdentityAnswers.time(Timestamp(milliseconds: milliseconds)) == text)
    }

    @Test func passwordLoginInProjectAndDomainScope() async throws {
        let world = try await World()
        let routes = routes(world)
        let (text, token) = try await token(
            routes, login(scope: #"{"project":{"domain":{"name":"default-domain"},"name":"region1"}}"#))
        let project = try #require(token["project"] as? [String: Any])
        #expect(project["id"] as? String == World.project && project["name"] as? String == "region1")
        #expect((project["domain"] as? [String: Any])?["id"] as? String == World.domainID)
        let user = try #require(token["user"] as? [String: Any])
        #expect(
            user["name"] as? String == "sluice"
                && (user["domain"] as? [String: Any])?["name"] as? String == "default-domain")
        #expect(token["expires_at"] as? String == IdentityAnswers.time(world.time.now() + .seconds(86_400)))
        #expect(token["issued_at"] as? String == IdentityAnswers.time(world.time.now()))
        let catalog = try #require(token["catalog"] as? [[String: Any]])
        #expect(catalog.compactMap { $0["type"] as? String } == ["dis", "drs", "iam"])
        let endpoints = try #require(catalog[0]["endpoints"] as? [[String: Any]])
        #expect(endpoints.map { $0["interface"] as? String } == ["public", "internal", "admin"])
        for endpoint in endpoints {
            #expect(endpoint["url"] as? String == "http://sluice.test:8080")
            #expect(endpoint["region"] as? String == "region1" && endpoint["region_id"] as? String == "region1")
        }
        let caller = world.authenticator.verify(
            request("GET", "/v2/\(World.project)/streams", headers: [("X-Auth-Token", text)]), now: world.time.now())
        #expect(try caller.get().project?.text == World.project)

        let domainScope = try await self.token(routes, login(scope: #"{"domain":{"name":"default-domain"}}"#))
        #expect(domainScope.token["project"] == nil && domainScope.token["catalog"] != nil)
        let domainCaller = try world.authenticator.verify(
            request("GET", "/", headers: [("X-Auth-Token", domainScope.text)]), now: world.time.now()
        ).get()
        #expect(domainCaller.project == nil)
        #expect(domainCaller.project(path: World.project, header: nil).refusal == .foreignProject)
    }

    @Test(
        arguments: [
            nil, #"{"project":{"name":"region1"}}"#, #"{"project":{"id":"\#(World.project)"}}"#,
            #"{"project":{"domain":{"id":"\#(World.domainID)"},"name":"region1"}}"#,
        ] as [String?])
    func scopesThatMeanTheProject(scope: String?) async throws {
        let token = try await token(routes(World()), login(scope: scope)).token
        #expect((token["project"] as? [String: Any])?["id"] as? String == World.project)
    }

    @Test func tokensMakeTokensThatLiveNoLonger() async throws {
        let world = try await World()
        let routes = routes(world)
        let first = try await token(routes, login())
        world.time.advance(by: .seconds(3600))
        let second = try await token(
            routes,
            #"{"auth":{"identity":{"methods":["token"],"token":{"id":"\#(first.text)"}},"scope":{"domain":{"id":"\#(World.domainID)"}}}}"#
        )
        #expect(second.token["expires_at"] as? String == first.token["expires_at"] as? String)
        #expect(second.token["project"] == nil)
    }

    @Test func tokensEndAfterTheConfiguredLife() async throws {
        var settings = Authenticator.Settings()
        settings.tokenLife = .seconds(60)
        let world = try await World(settings: settings)
        let issued = try await token(routes(world), login())
        #expect(issued.token["expires_at"] as? String == IdentityAnswers.time(world.time.now() + .seconds(60)))
        let request = request("GET", "/v2/p/streams", headers: [("X-Auth-Token", issued.text)])
        #expect(world.authenticator.verify(request, now: world.time.now() + .seconds(59)).refusal == nil)
        #expect(world.authenticator.verify(request, now: world.time.now() + .seconds(60)).refusal == .invalidToken)
    }

    @Test func accessKeyLogin() async throws {
        let routes = try await routes(World())
        func body(_ secret: String) -> String {
            #"{"auth":{"identity":{"methods":["hw_ak_sk"],"hw_ak_sk":{"access":{"key":"\#(World.accessKey)"},"secret":{"key":"\#(secret)"}}},"scope":{"project":{"name":"region1"}}}}"#
        }
        let token = try await token(routes, body(World.secretKey)).token
        #expect((token["project"] as? [String: Any])?["id"] as? String == World.project)
        #expect(token["methods"] as? [String] == ["hw_ak_sk"])
        #expect(await routes.respond(to: request("POST", "/v3/auth/tokens", body: body("wrong")))?.status == 401)
    }

    @Test func tokensOfAnAccessKeyEndWithItAndStayInItsProject() async throws {
        let world = try await World()
        let routes = routes(world)
        let administration = IdentityAdministration(
            catalog: world.catalog, sealing: world.sealing, passwords: PasswordWorker(cost: .minimal))
        let other = try await administration.addProject(named: "second", endpoint: "", region: "region1")
        let second = try #require(ProjectID(other.projectID))
        let user = try #require(world.directory.snapshot.users["u1"])
        _ = try await IdentityCodec.collection(in: world.catalog).change(
            from: { () async throws(IdentityError) in
                try await IdentitySnapshot.load(world.catalog, sealing: world.sealing)
            },
            { _ throws(IdentityError) in ([try IdentityCodec.put(user.with(projects: user.projects + [second]))], ()) })
        try await world.directory.refresh()
        func body(_ token: String, _ scope: String = "") -> String {
            #"{"auth":{"identity":{"methods":["token"],"token":{"id":"\#(token)"}}\#(scope)}}"#
        }
        let inSecond = #","scope":{"project":{"id":"\#(second)"}}"#
        let byPassword = try await token(routes, login()).text
        _ = try await token(routes, body(byPassword, inSecond))
        let byKey = try await token(
            routes,
            #"{"auth":{"identity":{"methods":["hw_ak_sk"],"hw_ak_sk":{"access":{"key":"\#(World.accessKey)"},"secret":{"key":"\#(World.secretKey)"}}}}}"#
        ).text
        let byToken = try await token(routes, body(byKey)).text
        let ofDomain = try await token(routes, body(byToken, #","scope":{"domain":{"id":"\#(World.domainID)"}}"#)).text
        for text in [byKey, byToken, ofDomain] {
            let refused = await routes.respond(to: request("POST", "/v3/auth/tokens", body: body(text, inSecond)))
            #expect(refused?.status == 401)
        }
        func refusals() -> [AuthError.Code?] {
            [byPassword, byKey, byToken, ofDomain].map { text in
                world.authenticator.verify(
                    request("GET", "/v2/\(World.project)/streams", headers: [("X-Auth-Token", text)]),
                    now: world.time.now()
                ).refusal
            }
        }
        #expect(refusals() == [nil, nil, nil, nil])
        try await administration.setAccessKey(World.accessKey, enabled: false)
        try await world.directory.refresh()
        #expect(refusals() == [nil, .invalidToken, .invalidToken, .invalidToken])
        try await administration.setAccessKey(World.accessKey, enabled: true)
        try await world.directory.refresh()
        #expect(refusals() == [nil, nil, nil, nil])
        try await administration.removeAccessKey(World.accessKey)
        try await world.directory.refresh()
        #expect(refusals() == [nil, .invalidToken, .invalidToken, .invalidToken])
    }

    @Test func refusedLogins() async throws {
        let routes = try await routes(World())
        let rows: [(String, Int)] = [
            ("", 400), ("{", 400), ("[]", 400), ("{}", 400), (#"{"auth":{"identity":{"methods":[]}}}"#, 400),
            (#"{"auth":{"identity":{"methods":["password"]}}}"#, 400),
            (#"{"auth":{"identity":{"methods":["token"]}}}"#, 400),
            (#"{"auth":{"identity":{"methods":["saml2"]}}}"#, 400),
            (#"{"auth":{"identity":{"methods":["token","token"],"token":{"id":"x"}}}}"#, 400),
            (#"{"auth":{"identity":{"methods":["token"],"token":{"id":"x"}}}}"#, 401),
            (#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"password":"x"}}}}}"#, 400),
            (login("wrong"), 401), (login(""), 401), (login(user: "nobody"), 401),
            (login(scope: #"{"project":{"name":"other"}}"#), 401), (login(scope: #"{"project":{"id":"p 1"}}"#), 401),
            (login(scope: #"{"project":{}}"#), 400), (login(scope: #"{"domain":{"name":"other"}}"#), 401),
            (login(scope: Self.otherDomain), 401), (String(repeating: " ", count: 70_000), 413),
        ]
        for (body, status) in rows {
            let response = await routes.respond(to: request("POST", "/v3/auth/tokens", body: body))
            #expect(response?.status == status, "\(body.prefix(200))")
            let error = try #require(try json(response)["error"] as? [String: Any])
            #expect(error["code"] as? Int == status && error["title"] is String && error["message"] is String)
            #expect(response?.headers["X-Subject-Token"] == nil)
        }
    }

    @Test func wrongPasswordsAreBoundedPerAddressAndSpareThoseKnownToBeRight() async throws {
        let world = try await World()
        let routes = routes(world)
        _ = try await token(routes, login())
        for _ in 0...PasswordChecker.failuresMax {
            #expect(await routes.respond(to: request("POST", "/v3/auth/tokens", body: login("wrong")))?.status == 401)
        }
        let blocked = try await json(routes.respond(to: request("POST", "/v3/auth/tokens", body: login("wrong"))))
        #expect((blocked["error"] as? [String: Any])?["message"] as? String == Logins.Failure.blocked.message)
        _ = try await token(routes, login())
        world.time.advance(by: .seconds(61))
        let wrong = try await json(routes.respond(to: request("POST", "/v3/auth/tokens", body: login("wrong"))))
        #expect((wrong["error"] as? [String: Any])?["message"] as? String == Logins.Failure.unauthorized.message)
    }

    @Test func tokensAreShownWithCatalogUnlessUnwanted() async throws {
        let world = try await World()
        let routes = routes(world)
        let issued = try await token(routes, login()).text
        let headers = [(name: "X-Auth-Token", value: issued), (name: "X-Subject-Token", value: issued)]
        let shown = await routes.respond(to: request("GET", "/v3/auth/tokens", headers: headers))
        #expect(shown?.status == 200 && shown?.headers["X-Subject-Token"] == issued)
        let token = try #require(try json(shown)["token"] as? [String: Any])
        #expect(token["project"] != nil && token["catalog"] != nil)
        let bare = try await json(
            routes.respond(to: request("GET", "/v3/auth/tokens?nocatalog=true", headers: headers)))
        #expect((bare["token"] as? [String: Any])?["catalog"] == nil)
        let head = await routes.respond(to: request("HEAD", "/v3/auth/tokens", headers: headers))
        #expect(head?.status == 200 && head?.body.isEmpty == true)
        let missing = await routes.respond(to: request("GET", "/v3/auth/tokens", headers: [headers[0]]))
        #expect(missing?.status == 400)
        let foreign = await routes.respond(
            to: request("GET", "/v3/auth/tokens", headers: [headers[0], ("X-Subject-Token", "x")]))
        #expect(foreign?.status == 404)
    }

    @Test func lists() async throws {
        let world = try await World()
        let routes = routes(world, endpoint: "https://public.example.net")
        let headers = [(name: "X-Auth-Token", value: try await token(routes, login()).text)]
        func names(_ target: String, _ member: String) async throws -> [String] {
            let response = await routes.respond(to: request("GET", target, headers: headers))
            #expect(response?.status == 200)
            let list = try #require(try json(response)[member] as? [[String: Any]])
            return list.compactMap { $0["name"] as? String }
        }
        #expect(try await names("/v3/projects?name=region1", "projects") == ["region1"])
        #expect(try await names("/v3/projects?name=unknown", "projects") == [])
        #expect(try await names("/v3/projects/", "projects") == ["region1"])
        #expect(try await names("/v3/auth/projects", "projects") == ["region1"])
        #expect(try await names("/v3/auth/domains", "domains") == ["default-domain"])
        #expect(try await names("/v3/auth/domains?name=default%2Ddomain", "domains") == ["default-domain"])
        #expect(try await names("/v3/auth/domains?name=x", "domains") == [])
        let catalog = try await json(routes.respond(to: request("GET", "/v3/auth/catalog", headers: headers)))
        let entries = try #require(catalog["catalog"] as? [[String: Any]])
        #expect((entries[0]["endpoints"] as? [[String: Any]])?.first?["url"] as? String == "https://public.example.net")
        let caller = try await json(routes.respond(to: request("GET", "/v5/caller-identity", headers: headers)))
        #expect(caller["account_id"] as? String == World.domainID)
    }

    @Test func discoveryNeedsNoCredentials() async throws {
        let routes = try await routes(World())
        let response = await routes.respond(to: request("GET", "/"))
        #expect(response?.status == 300)
        let values = try #require((try json(response)["versions"] as? [String: Any])?["values"] as? [[String: Any]])
        #expect(values.first?["id"] as? String == "v3.6" && values.first?["status"] as? String == "stable")
        #expect(
            (values.first?["links"] as? [[String: Any]])?.first?["href"] as? String == "http://sluice.test:8080/v3/")
        #expect(await routes.respond(to: request("GET", "/v3"))?.status == 200)
    }

    @Test(arguments: ["evil\"host", "a b", "", String(repeating: "a", count: 300)])
    func unusableHostsAreNotEchoed(host: String) async throws {
        let routes = try await routes(World())
        var request = request("GET", "/")
        request.headers["Host"] = host
        let body = String(decoding: await routes.respond(to: request)?.body ?? [], as: UTF8.self)
        #expect(body.contains("http://127.0.0.1:8080/v3/"))
    }

    @Test(arguments: [
        ("GET", "/v3/auth/catalog", 401, true), ("GET", "/v3/auth/domains", 401, true),
        ("GET", "/v3/auth/tokens", 401, true), ("GET", "/v3/projects", 441, false),
        ("GET", "/v5/caller-identity", 441, false), ("DELETE", "/v3/projects", 405, false),
        ("PUT", "/v3/auth/tokens", 405, true), ("POST", "/v3/auth/catalog", 405, true),
    ])
    func failuresHaveTheBodyOfTheirFamily(method: String, target: String, status: Int, isKeystone: Bool) async throws {
        let routes = try await routes(World(), status: 441)
        let response = await routes.respond(to: request(method, target))
        #expect(response?.status == status)
        let members = try json(response).keys.sorted()
        #expect(members == (isKeystone ? ["error"] : ["errorCode", "error_code", "error_msg", "message"]))
    }

    @Test(arguments: ["/v2/p/streams", "/v3/p/jobs", "/v3/auth", "/v3/auth/tokens/x", "/healthz", "/v3/p/streams/s"])
    func otherPathsBelongToOthers(target: String) async throws {
        #expect(await (try routes(World())).respond(to: request("GET", target)) == nil)
    }

    /// Every identity request of real clients gets a status that its client accepted; tokens stand in for the recorded
    /// ones, which were random.
    @Test func recordedIdentityRequests() async throws {
        let recorded = RecordedRequest.all.filter { recorded in
            let path = recorded.request.path
            return path == "/" || path.hasPrefix("/v3/auth/") || path.hasPrefix("/v3/projects")
                || path.hasPrefix("/v5/")
        }
        for recorded in recorded {
            let world = try await World()
            let time = recorded.request.signedAt ?? world.time.now()
            world.time.advance(by: time - world.time.now())
            let routes = routes(world)
            var request = recorded.request
            let fresh = try await token(routes, login()).text
            if request.headers["X-Auth-Token"] != nil { request.headers["X-Auth-Token"] = fresh }
            // A signed subject token must stay as it is: the signature is checked before the token.
            let isSigned = request.headers["Authorization"]?.contains("x-subject-token") == true
            if request.headers["X-Subject-Token"] != nil, !isSigned { request.headers["X-Subject-Token"] = fresh }
            let status = try #require(await routes.respond(to: request)).status
            #expect(isSigned ? status == 404 : (200...300).contains(status), "\(recorded)")
        }
    }
}

import Crypto
import HTTPTypes
import SluiceCore
import Testing

@testable import SluiceAuth

@Suite struct SignatureTests {
    private static let date = "20260102T030405Z"

    /// The request of the published vectors.
    private static func request(
        _ authorization: String, method: String = "GET", target: String = "/v2/p1/streams?limit=5",
        host: String = "dis.example.test:8080", body: String = "", more: [(name: String, value: String)] = []
    ) -> HTTPRequest {
        HTTPRequest(
            method: method, target: target,
            headers: HTTPFields(
                [
                    ("Content-Type", "application/json"), ("User-Agent", "ua"), ("X-Project-Id", "p1"),
                    ("X-Sdk-Date", date), ("Host", host), ("Authorization", authorization),
                ] + more), body: HTTPBody(body), peer: "192.0.2.1")
    }

    private static let signedHeaders = "content-type;host;user-agent;x-project-id;x-sdk-date"
    private static let vectors: [(form: String, authorization: String)] = [
        (
            "v3",
            "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=\(signedHeaders), "
                + "Signature=dd5d026357bf1e55a89819ba3612e78d94625a533450e3bede0d88376f70e9d1"
        ),
        (
            "v3 derived",
            "V11-HMAC-SHA256 Credential=AKEXAMPLE/20260102/region1/dis, SignedHeaders=\(signedHeaders), "
                + "Signature=73c79c2ac0cba12e8a20701c809ae83f4dcc7d24879b3a8b01b33d2702aa150c"
        ),
        (
            "classic",
            "SDK-HMAC-SHA256 Credential=AKEXAMPLE/20260102/region1/dis/sdk_request, SignedHeaders=host;x-sdk-date, "
                + "Signature=58072e11e9ffb13eef066429b5bce0fc141c1d54b3dfc3031d1cb6e2f1314456"
        ),
        (
            "legacy derived",
            "V11-HMAC-SHA256 Credential=AKEXAMPLE/20260102/region1/dis/sdk_request, SignedHeaders=host;x-sdk-date, "
                + "Signature=a3abc082c3a61d532e0657a1349fa345871fee33d7dddd765355dbcb500b30d4"
        ),
        (
            "classic, empty region and service",
            "SDK-HMAC-SHA256 Credential=AKEXAMPLE/20260102///sdk_request, SignedHeaders=host;x-sdk-date, "
                + "Signature=5731c5ddab8160b2c4da4a591ffe212966563b552c709871d2923988cb51902d"
        ),
    ]

    private func world(_ settings: Authenticator.Settings = Authenticator.Settings()) async throws -> World {
        try await World(accessKey: "AKEXAMPLE", secretKey: "SKEXAMPLE", project: "p1", settings: settings)
    }

    private var now: Timestamp { CivilTime(basic: Self.date)?.timestamp ?? Timestamp(milliseconds: 0) }

    @Test(arguments: vectors) func publishedVectors(form: String, authorization: String) async throws {
        let authenticator = try await world().authenticator
        let request = Self.request(authorization)
        let caller = try authenticator.verify(request, now: now).get()
        #expect(caller.project?.text == "p1" && caller.userName == "sluice")
        // The same signature again, at once: there is no replay cache.
        #expect(authenticator.verify(request, now: now).refusal == nil)
        let digit = authorization.last == "0" ? "1" : "0"
        let changed = Self.request(authorization.dropLast() + digit)
        #expect(authenticator.verify(changed, now: now).refusal == .wrongSignature)
    }

    @Test func legacyVectorsHoldWithAndWithoutPort() async throws {
        let authenticator = try await world().authenticator
        for host in ["dis.example.test", "dis.example.test:8080"] {
            let request = Self.request(Self.vectors[3].authorization, target: "/v2/p1/streams/?limit=5", host: host)
            #expect(authenticator.verify(request, now: now).refusal == nil)
        }
        // The v3 form signs the host as sent.
        let request = Self.request(Self.vectors[0].authorization, host: "dis.example.test")
        #expect(authenticator.verify(request, now: now).refusal == .wrongSignature)
    }

    @Test func proxiedHostIsTriedWhenConfigured() async throws {
        var settings = Authenticator.Settings()
        settings.hostAlternatives = ["other.example.test", "dis.example.test:8080"]
        let authenticator = try await world(settings).authenticator
        let request = Self.request(Self.vectors[0].authorization, host: "inside:1")
        #expect(authenticator.verify(request, now: now).refusal == nil)
    }

    @Test(arguments: [-901, -900, 0, 900, 901]) func clockSkew(seconds: Int64) async throws {
        let authenticator = try await world().authenticator
        let result = authenticator.verify(
            Self.request(Self.vectors[0].authorization), now: now + .seconds(seconds))
        #expect(result.refusal == (abs(seconds) > 900 ? .skewedDate : nil))
    }

    static let failures: [(String, AuthError.Code)] = [
        ("", .noCredentials),
        ("Basic dTpw", .malformedAuthorization),
        ("Bearer abc", .malformedAuthorization),
        ("SDK-HMAC-SHA256", .incompleteAuthorization),
        ("SDK-HMAC-SM3 Access=AKEXAMPLE, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-ECDSA-P256-SHA256 Access=AKEXAMPLE, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE", .incompleteAuthorization),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, Signature=00", .incompleteAuthorization),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host", .incompleteAuthorization),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=, Signature=00", .incompleteAuthorization),
        ("SDK-HMAC-SHA256 SignedHeaders=host, Signature=00", .incompleteAuthorization),
        ("SDK-HMAC-SHA256 Access=, SignedHeaders=host, Signature=00", .emptyAccessKey),
        ("SDK-HMAC-SHA256 Credential=/20260102/r/dis/sdk_request, SignedHeaders=host, Signature=00", .emptyAccessKey),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host, Signature=", .emptySignature),
        ("SDK-HMAC-SHA256 Access=UNKNOWN, SignedHeaders=host, Signature=00", .unknownAccessKey),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host, Signature=00", .wrongSignature),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host, Signature=zz", .wrongSignature),
        ("SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=x-absent, Signature=\(zeros)", .wrongSignature),
        ("SDK-HMAC-SHA256 Access=A, Access=B, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=A, Credential=A/1/2/3, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Credential=A/1/2/3, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("V11-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("V11-HMAC-SHA256 Credential=A/1/2, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("V11-HMAC-SHA256 Credential=A/1/2/3/other, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("V11-HMAC-SHA256 Credential=A/1/2/3/sdk_request/, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=A, SignedHeaders=host;;date, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=A, SignedHeaders=ho st, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=A, Other=1, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=A,, SignedHeaders=host, Signature=00", .malformedAuthorization),
        ("SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=00" + longTail, .malformedAuthorization),
    ]
    private static let zeros = String(repeating: "0", count: 64)
    private static let longTail = String(repeating: "0", count: 9000)

    @Test(arguments: failures) func refusals(authorization: String, code: AuthError.Code) async throws {
        let result = try await world().authenticator.verify(Self.request(authorization), now: now)
        #expect(result.refusal == code)
    }

    @Test(
        arguments: [
            (nil, AuthError.Code.emptyDate), ("", .emptyDate), ("2026-01-02", .malformedDate),
            ("20260102T030405", .malformedDate), ("20260230T030405Z", .malformedDate),
            ("20260102T240000Z", .malformedDate),
            ("2026010２T03040Z", .malformedDate), ("20250102T030405Z", .skewedDate),
        ] as [(String?, AuthError.Code)])
    func dates(date: String?, code: AuthError.Code) async throws {
        var request = Self.request(Self.vectors[0].authorization)
        request.headers["X-Sdk-Date"] = date
        #expect(try await world().authenticator.verify(request, now: now).refusal == code)
    }

    @Test(
        arguments: [
            (
                "SDK-HMAC-SHA256 Credential=AKEXAMPLE/20260102///sdk_request, SignedHeaders=host, Signature=00",
                AuthError.Code.emptyService
            ),
            (
                "SDK-HMAC-SHA256 Credential=AKEXAMPLE/20260102/r/dis/sdk_request, SignedHeaders=host, Signature=00",
                .foreignRegion
            ),
            ("V11-HMAC-SHA256 Credential=AKEXAMPLE/20260102/r/dis, SignedHeaders=host, Signature=00", .foreignRegion),
            (vectors[2].authorization, nil), (vectors[0].authorization, nil),
        ] as [(String, AuthError.Code?)])
    func strictMode(authorization: String, code: AuthError.Code?) async throws {
        var settings = Authenticator.Settings()
        settings.strictRegion = "region1"
        #expect(try await world(settings).authenticator.verify(Self.request(authorization), now: now).refusal == code)
    }

    @Test func twoAuthorizationFieldsAreRefused() async throws {
        let vector = Self.vectors[0].authorization
        let request = Self.request(vector, more: [("authorization", vector)])
        #expect(try await world().authenticator.verify(request, now: now).refusal == .malformedAuthorization)
    }

    /// Whatever a client sends, the work for one request is bounded.
    @Test func atMostSixteenSignaturesAreComputed() throws {
        let request = HTTPRequest(
            method: "POST", target: "/v2/p%2F1/streams?a=&b=+&c=%20", headers: HTTPFields([("Host", "h:1")]))
        let verifier = SignatureVerifier(hostAlternatives: ["a", "b", "c", "d"])
        for (authorization, count) in [(Self.vectors[2].authorization, 16), (Self.vectors[0].authorization, 5)] {
            let parsed = try Authorization(parsing: authorization)
            let variants = verifier.candidates(request, parsed, isPresigned: false)
            #expect(variants.count == count && Set(variants).count == count)
        }
    }

    @Test(
        arguments: [
            (0, nil), (-1000, .skewedDate), (3599, nil), (3601, .skewedDate),
        ] as [(Int64, AuthError.Code?)])
    func presignedQueries(seconds: Int64, code: AuthError.Code?) async throws {
        let authenticator = try await world().authenticator
        let scope = "20260102/region1/dis/sdk_request"
        let query =
            "X-Sdk-Algorithm=SDK-HMAC-SHA256&X-Sdk-Credential=AKEXAMPLE%2F20260102%2Fregion1%2Fdis%2Fsdk_request"
            + "&X-Sdk-Date=\(Self.date)&X-Sdk-Expires=3600&X-Sdk-SignedHeaders=host&limit=5"
        for payload in [Hex.encode(Hash.sha256([])), "UNSIGNED-PAYLOAD"] {
            let text = "GET\n/v2/p1/streams/\n\(query)\nhost:dis.example.test:8080\n\nhost\n\(payload)"
            var key = Array("SDKSKEXAMPLE".utf8)
            for part in scope.split(separator: "/") { key = HMAC.sha256(key: key, String(part)) }
            let hash = Hex.encode(Hash.sha256(Array(text.utf8)))
            let signature = Hex.encode(
                HMAC.sha256(key: key, "SDK-HMAC-SHA256\n\(Self.date)\n\(scope)\n\(hash)"))
            func refusal(_ target: String) -> AuthError.Code? {
                let request = HTTPRequest(
                    method: "GET", target: target, headers: HTTPFields([("Host", "dis.example.test:8080")]))
                return authenticator.verify(request, now: now + .seconds(seconds)).refusal
            }
            let target = "/v2/p1/streams?\(query)&X-Sdk-Signature=\(signature)"
            #expect(refusal(target) == code)
            #expect(refusal(target.replacing("limit=5", with: "limit=6")) == code ?? .wrongSignature)
            #expect(refusal(target.replacing("Expires=3600", with: "Expires=3601")) != nil)
            #expect(refusal(target.replacing("Expires=3600", with: "Expires=9999999")) == .malformedDate)
            #expect(refusal(target.replacing("&X-Sdk-Signature=", with: "&X-Sdk-Other=")) == .incompleteAuthorization)
        }
    }

    @Test func statedBodyHashMustBeTheBodys() async throws {
        let authenticator = try await world().authenticator
        for (stated, isRight) in [
            (Hex.encode(Hash.sha256(Array("x".utf8))), true), ("UNSIGNED-PAYLOAD", true),
            (Hex.encode(Hash.sha256(Array("y".utf8))), false),
        ] {
            let names = "x-sdk-content-sha256;x-sdk-date"
            let text =
                "POST\n/v2/p1/streams/\n\nx-sdk-content-sha256:\(stated)\nx-sdk-date:\(Self.date)\n\n\(names)\n\(stated)"
            let toSign = "SDK-HMAC-SHA256\n\(Self.date)\n" + Hex.encode(Hash.sha256(Array(text.utf8)))
            let signature = Hex.encode(HMAC.sha256(key: Array("SKEXAMPLE".utf8), toSign))
            let request = Self.request(
                "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=\(names), Signature=\(signature)", method: "POST",
                target: "/v2/p1/streams", body: "x", more: [("X-Sdk-Content-Sha256", stated)])
            #expect(authenticator.verify(request, now: now).refusal == (isRight ? nil : .wrongSignature))
        }
    }

    @Test func everybodyPassesWithAuthenticationOff() async throws {
        var settings = Authenticator.Settings()
        settings.isDisabled = true
        let authenticator = try await world(settings).authenticator
        for authorization in Self.failures.map(\.0) {
            let caller = try authenticator.verify(Self.request(authorization), now: now).get()
            #expect(caller.project(path: "anything", header: nil).refusal == nil)
            #expect(caller.project(path: "any/thing", header: nil).refusal == .foreignProject)
            #expect(caller.project?.text == "p1")
        }
    }

    @Test func withAuthenticationOffThePathNamesTheProject() async throws {
        var settings = Authenticator.Settings()
        settings.isDisabled = true
        let authenticator = try await world(settings).authenticator
        for (target, project) in [("/v2/other/streams", "other"), ("/v2/x%20y/streams", "p1"), ("/", "p1")] {
            let caller = try authenticator.verify(HTTPRequest(method: "GET", target: target), now: now).get()
            #expect(caller.project?.text == project)
        }
    }

    @Test func manyFailuresFromOneAddressAreToldToWaitAndRightOnesServed() async throws {
        let authenticator = try await world().authenticator
        let wrong = Self.request("SDK-HMAC-SHA256 Access=UNKNOWN, SignedHeaders=host, Signature=00")
        for _ in 1..<Authenticator.failuresMax {
            #expect(authenticator.verify(wrong, now: now).refusal == .unknownAccessKey)
        }
        #expect(authenticator.verify(wrong, now: now).refusal == .tooManyFailures)
        #expect(authenticator.verify(Self.request(Self.vectors[0].authorization), now: now).refusal == nil)
        #expect(authenticator.verify(wrong, now: now + .seconds(60)).refusal == .unknownAccessKey)
    }
}

@Suite struct CallerTests {
    @Test(
        arguments: [
            ("p1", nil, true), ("p1", "", true), ("p1", "p1", true), ("p2", nil, false), ("p2", "p2", false),
            ("p1", "p2", false), ("p2", "p1", false), ("", nil, false), ("p 1", nil, false),
        ] as [(String, String?, Bool)])
    func project(path: String, header: String?, isOwn: Bool) {
        let caller = Caller(
            project: ProjectID("p1"), projectName: "n", userID: "u", userName: "u", domainID: "d", domainName: "d",
            proof: .accessKey("AK"))
        #expect(caller.project(path: path, header: header).refusal == (isOwn ? nil : .foreignProject))
    }
}

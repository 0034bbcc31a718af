import Crypto
import HTTPTypes
import SluiceCore
import SluiceTesting
import Testing

@testable import SluiceAuth

@Suite struct TokenTests {
    private let key = SealingKey.random()
    private let now = Timestamp(milliseconds: 1_760_000_000_000)

    private func claims(_ scope: Tokens.Scope) -> Tokens.Claims {
        Tokens.Claims(
            userID: "u1", scope: scope, methods: ["password", "token"], epoch: 3, issued: now,
            expires: now + Authenticator.Settings().tokenLife)
    }

    @Test func surviveARestartAndEndAfterADay() throws {
        let project = try #require(ProjectID("p1"))
        for claims in [claims(.project(project)), claims(.domain("d"))] {
            let text = Tokens(sealing: key).seal(claims)
            #expect(Tokens(sealing: key).open(text, now: now) == claims)
            #expect(
                Tokens(sealing: key).open(text, now: now + Authenticator.Settings().tokenLife - .milliseconds(1))
                    == claims)
            #expect(Tokens(sealing: key).open(text, now: now + Authenticator.Settings().tokenLife) == nil)
            #expect(Tokens(sealing: .random()).open(text, now: now) == nil)
        }
    }

    @Test func anyChangedCharacterIsRefused() {
        let tokens = Tokens(sealing: key)
        let text = Array(tokens.seal(claims(.domain("d"))))
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(tokens.open(String(changed), now: now) == nil)
        }
        for text in ["", "x", String(text.dropLast()), String(text) + "A", String(repeating: "A", count: 2000)] {
            #expect(tokens.open(text, now: now) == nil)
        }
    }

    @Test(arguments: [("", AuthError.Code.emptyToken), ("x", .invalidToken)])
    func badTokensHaveTheirCodes(token: String, code: AuthError.Code) async throws {
        let world = try await World()
        let request = HTTPRequest(method: "GET", target: "/v2/p", headers: HTTPFields([("X-Auth-Token", token)]))
        #expect(world.authenticator.verify(request, now: world.time.now()).refusal == code)
    }
}

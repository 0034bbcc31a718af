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
            expires: now + Self.life)
    }

    private static let life = Authenticator.Settings().tokenLife

    private func snapshot(_ generation: Int64, tokenEpoch: Int64) -> IdentitySnapshot {
        let user = User(
            id: "u1", name: "u", domainID: "d", projects: [], isEnabled: true, passwordHash: "", tokenEpoch: tokenEpoch)
        return IdentitySnapshot(
            generation: generation, domains: [Domain(id: "d", name: "d")], projects: [], users: [user], accessKeys: [])
    }

    @Test func aRememberedTokenFollowsTheIdentities() {
        let tokens = Tokens(sealing: key)
        let text = tokens.seal(claims(.domain("d")))
        let before = snapshot(1, tokenEpoch: 3)
        let after = snapshot(2, tokenEpoch: 4)
        #expect(tokens.open(text, in: before, now: now)?.caller?.userID == "u1")
        #expect(tokens.open(text, in: after, now: now)?.caller == nil)
        #expect(tokens.open(text, in: before, now: now)?.caller?.userID == "u1")
        #expect(tokens.open(text, in: before, now: now + Self.life) == nil)
        #expect(tokens.open(text, in: after, now: now + Self.life) == nil)
    }

    @Test func aRememberedTokenIsItsBytes() throws {
        let tokens = Tokens(sealing: key)
        let texts = (0..<1000).lazy.map { _ in tokens.seal(claims(.domain("d"))) }
        let text = try #require(texts.first { $0.contains("K") })
        let alike = text.replacing("K", with: "\u{212A}")
        let snapshot = snapshot(1, tokenEpoch: 3)
        #expect(alike == text)
        #expect(tokens.open(text, in: snapshot, now: now) != nil)
        #expect(tokens.open(alike, in: snapshot, now: now) == nil)
        #expect(tokens.open(text, in: snapshot, now: now) != nil)
    }

    @Test func surviveARestartAndEndAfterADay() throws {
        let project = try #require(ProjectID("p1"))
        for claims in [claims(.project(project)), claims(.domain("d"))] {
            let text = Tokens(sealing: key).seal(claims)
            #expect(Tokens(sealing: key).open(text, in: .empty, now: now)?.claims == claims)
            #expect(
                Tokens(sealing: key).open(text, in: .empty, now: now + Self.life - .milliseconds(1))?.claims == claims)
            #expect(Tokens(sealing: key).open(text, in: .empty, now: now + Self.life) == nil)
            #expect(Tokens(sealing: .random()).open(text, in: .empty, now: now) == nil)
        }
    }

    @Test func anyChangedCharacterIsRefused() {
        let tokens = Tokens(sealing: key)
        let text = Array(tokens.seal(claims(.domain("d"))))
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(tokens.open(String(changed), in: .empty, now: now) == nil)
        }
        for text in ["", "x", String(text.dropLast()), String(text) + "A", String(repeating: "A", count: 2000)] {
            #expect(tokens.open(text, in: .empty, now: now) == nil)
        }
    }

    @Test(arguments: [("", AuthError.Code.emptyToken), ("x", .invalidToken)])
    func badTokensHaveTheirCodes(token: String, code: AuthError.Code) async throws {
        let world = try await World()
        let request = HTTPRequest(method: "GET", target: "/v2/p", headers: HTTPFields([("X-Auth-Token", token)]))
        #expect(world.authenticator.verify(request, now: world.time.now()).refusal == code)
    }
}

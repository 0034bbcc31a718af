import Foundation
import HTTPTypes
import SluiceTesting
import Testing

@testable import SluiceAuth

/// Random requests, signed as each client signs, must be accepted as sent and refused with any byte of the target or
/// body changed. The seed is printed with each failure; SLUICE_TEST_SEED repeats a run.
@Suite struct SignatureProperties {
    private static let plain = ["a", "Z", "0", "-", "_", ".", "~"]
    private static let odd = plain + [" ", "+", ":", "%", "%41", "é", "中", "&", "=", "#", "\"", "/", "?", "*"]

    private func message(_ dice: inout SeededRandom, _ client: ReferenceSigner.Client) -> ReferenceSigner.Message {
        // A segment of dots alone would be resolved by the five-part signers, an empty one dropped.
        let segments =
            ["v2", "p"] + (0..<Int.random(in: 0...3, using: &dice)).map { _ in "s" + dice.text(0...6, Self.odd) }
        var parameters = (0..<Int.random(in: 0...4, using: &dice)).map { index in
            (name: "n\(index)" + dice.text(0...3, Self.odd), value: dice.text(0...5, Self.odd))
        }
        parameters.shuffle(using: &dice)
        let body: [UInt8] =
            Bool.random(using: &dice) ? [] : (0...Int.random(in: 0...200, using: &dice)).map { UInt8($0 & 255) }
        return ReferenceSigner.Message(
            method: ["GET", "POST", "PUT", "DELETE"].randomElement(using: &dice) ?? "GET", segments: segments,
            parameters: parameters, body: body,
            host: ["dis.example.test:8080", "dis.example.test", "[::1]:8080"].randomElement(using: &dice) ?? "")
    }

    @Test(arguments: ReferenceSigner.Client.allCases)
    func signedRequestsAreAcceptedAndChangedOnesRefused(client: ReferenceSigner.Client) async throws {
        let seed =
            ProcessInfo.processInfo.environment["SLUICE_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        var dice = SeededRandom(seed: seed)
        let authenticator = try await World().authenticator
        for _ in 0..<200 {
            var message = message(&dice, client)
            if message.host.hasPrefix("["), client == .legacyPython || client == .legacyPythonDerived {
                message.host = "dis.example.test:8080"
            }
            let request = ReferenceSigner().request(client, message)
            let now = try #require(request.signedAt)
            #expect(
                authenticator.verify(request, now: now).refusal == nil, "seed \(seed), \(client), \(request.target)")
            var changed = request
            if request.body.isEmpty || Bool.random(using: &dice) {
                // A letter for another one: encoded forms of the same letter are the same request.
                var target = Array(request.target)
                let letters = target.indices.filter { target[$0] == "s" || target[$0] == "n" || target[$0] == "p" }
                let index = try #require(letters.randomElement(using: &dice))
                target[index] = "q"
                changed.target = String(target)
            } else {
                var bytes = request.body.array
                bytes[Int.random(in: bytes.indices, using: &dice)] ^= UInt8(1 << Int.random(in: 0...7, using: &dice))
                changed.body = HTTPBody(bytes)
            }
            #expect(
                authenticator.verify(changed, now: now).refusal == .wrongSignature,
                "seed \(seed), \(client), \(changed.target)")
        }
    }

    @Test func encodingAfterDecodingIsStable() {
        let seed = UInt64.random(in: 0 ... .max)
        var dice = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...20, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            let encoded = PercentEncoding.encode(bytes, keepingSlashes: false)
            #expect(PercentEncoding.decode(encoded, plusIsBlank: true) == bytes, "seed \(seed)")
            #expect(encoded.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }, "seed \(seed)")
        }
    }

    @Test(arguments: [
        ("/", ""), ("//a//b/", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/../../a", "/a"), ("/a/..", ""),
        ("/a/%2E%2E/b", "/a/%2E%2E/b"), ("", ""),
    ])
    func segmentsResolve(path: String, resolved: String) {
        #expect(CanonicalRequest.resolvingSegments(Array(path.utf8)) == Array(resolved.utf8))
    }
}

extension SeededRandom {
    fileprivate mutating func text(_ lengths: ClosedRange<Int>, _ alphabet: [String]) -> String {
        (0..<Int.random(in: lengths, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? "" }.joined()
    }
}

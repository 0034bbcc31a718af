import Crypto
import HTTPTypes
import SluiceCore
import Testing

@testable import SluiceAuth

@Suite struct RecordedRequestTests {
    /// The sample alone has that many; the shared recordings have more.
    private static let signedMin = 25

    @Test func everySignedRequestIsAcceptedAndEachChangeRefused() async throws {
        let world = try await World()
        let authenticator = world.authenticator
        #expect(RecordedRequest.signed.count >= Self.signedMin)
        for recorded in RecordedRequest.signed {
            let now = try #require(recorded.request.signedAt)
            let caller = authenticator.verify(recorded.request, now: now)
            #expect(try caller.get().proof == .accessKey(World.accessKey), "\(recorded)")
            for (change, request) in changes(of: recorded.request) {
                #expect(authenticator.verify(request, now: now).refusal != nil, "\(recorded), \(change)")
            }
        }
    }

    /// The clients of the replication service sign as those of DIS do.
    @Test func requestsOfReplicationClientsAreAccepted() async throws {
        let world = try await World(accessKey: "AK", secretKey: "SK", project: String(repeating: "p", count: 32))
        let authenticator = world.authenticator
        for recorded in RecordedRequest.replication where recorded.request.headers["Authorization"] != nil {
            let now = try #require(recorded.request.signedAt)
            #expect(authenticator.verify(recorded.request, now: now).refusal == nil, "\(recorded)")
        }
    }

    /// The request with one signed thing different.
    private func changes(of request: HTTPRequest) -> [(String, HTTPRequest)] {
        var changes: [(String, HTTPRequest)] = []
        func add(_ name: String, _ change: (inout HTTPRequest) -> Void) {
            var changed = request
            change(&changed)
            changes.append((name, changed))
        }
        add("method") { $0.method = $0.method == "GET" ? "PUT" : "GET" }
        add("path") { $0.target = String($0.path) + "x" + ($0.query.isEmpty ? "" : "?" + $0.query) }
        add("path's first letter") { $0.target = "/V" + $0.target.dropFirst(2) }
        add("query") { $0.target += ($0.query.isEmpty ? "?" : "&") + "z=1" }
        add("body") { $0.body = HTTPBody($0.body.array + [UInt8(ascii: " ")]) }
        if !request.body.isEmpty {
            add("body's first byte") { request in
                var bytes = request.body.array
                bytes[0] ^= 1
                request.body = HTTPBody(bytes)
            }
            add("no body") { $0.body = HTTPBody() }
        }
        guard let header = request.headers["Authorization"], let authorization = try? Authorization(parsing: header)
        else { return changes }
        for name in authorization.signedHeaders {
            add("header \(name)") { $0.headers[name] = "x" + ($0.headers[name] ?? "") }
            add("no header \(name)") { $0.headers[name] = nil }
            add("second header \(name)") { $0.headers.append(name, "x") }
        }
        add("date") { $0.headers["X-Sdk-Date"] = "20261121T000000Z" }
        add("signature") { $0.headers["Authorization"] = header.dropLast() + (header.hasSuffix("0") ? "1" : "0") }
        add("signed headers") {
            $0.headers["Authorization"] = header.replacing("SignedHeaders=", with: "SignedHeaders=connection;")
        }
        if !authorization.scope.isEmpty {
            add("scope") {
                $0.headers["Authorization"] = header.replacing(authorization.scope, with: "9" + authorization.scope)
            }
        }
        return changes
    }
}

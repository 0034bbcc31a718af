import Curl
import HTTPTypes
import ScriptedServer
import Synchronization
import Testing

private func answer(_ status: Int = 200, _ text: String = "", headers: HTTPFields = HTTPFields())
    -> ScriptedServer.Reply
{
    .response(HTTPResponse(status: status, headers: headers, body: Array(text.utf8)))
}

/// Runs `body` with a server and a client that both end with it.
private func exchange<Result>(
    _ configuration: CurlClient.Configuration = CurlClient.Configuration(),
    script: @escaping @Sendable (HTTPRequest) -> ScriptedServer.Reply,
    _ body: (ScriptedServer, CurlClient) async throws -> Result
) async throws -> Result {
    let server = try ScriptedServer(script)
    let client = try CurlClient(configuration)
    defer {
        client.close()
        server.stop()
    }
    return try await body(server, client)
}

@Suite(.timeLimit(.minutes(1))) struct CurlClientTests {
    @Test func sendsWhatIsSaidAndNothingElse() async throws {
        try await exchange(script: { _ in answer(201, "made", headers: HTTPFields([("X-Id", "7"), ("x-id", "8")])) }) {
            server, client in
            var request = CurlRequest(
                method: "POST", url: server.endpoint + "/a%2Fb/../c?x=%20&y", body: .bytes(Array("hello".utf8)))
            request.headers = HTTPFields([("X-Second", "2"), ("x-First", "1"), ("X-Empty", ""), ("X-Second", "3")])
            let response = try await client.send(request)
            #expect(response.status == 201)
            #expect(response.body == Array("made".utf8))
            #expect(response.headers.values(of: "X-ID") == ["7", "8"])
            let arrived = try #require(server.requests.first)
            #expect(arrived.method == "POST")
            #expect(arrived.target == "/a%2Fb/../c?x=%20&y")
            #expect(arrived.body.array == Array("hello".utf8))
            let fields = arrived.headers.fields.map { "\($0.name)=\($0.value)" }
            let written = ["X-Second=2", "x-First=1", "X-Empty=", "X-Second=3"]
            #expect(fields.filter { $0.lowercased().hasPrefix("x-") } == written)
            #expect(Set(fields).subtracting(written) == ["Host=127.0.0.1:\(server.port)", "Content-Length=5"])
        }
    }

    @Test(arguments: [
        ("GET", CurlRequest.Body.none, String?.none), ("DELETE", .none, nil), ("POST", .none, "0"), ("PUT", .none, "0"),
        ("PUT", .bytes([]), "0"), ("DELETE", .bytes([1, 2]), "2"), ("GET", .bytes([1]), "1"),
    ])
    func lengthOfTheBody(method: String, body: CurlRequest.Body, length: String?) async throws {
        try await exchange(script: { _ in answer(204) }) { server, client in
            let response = try await client.send(CurlRequest(method: method, url: server.endpoint, body: body))
            #expect(response.status == 204)
            #expect(server.requests.first?.method == method)
            #expect(server.requests.first?.headers["Content-Length"] == length)
            #expect(server.requests.first?.headers["Expect"] == nil)
        }
    }

    @Test func headHasNoBody() async throws {
        try await exchange(script: { _ in answer(200, "12345") }) { server, client in
            let response = try await client.send(CurlRequest(method: "HEAD", url: server.endpoint))
            #expect(response.headers["Content-Length"] == "5")
            #expect(response.body.isEmpty)
        }
    }

    @Test func keepsOneConnection() async throws {
        try await exchange(script: { _ in answer(200, "x") }) { server, client in
            for _ in 0..<5 { _ = try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
            #expect(server.connectionCount == 1)
        }
    }

    @Test func boundsConnectionsPerHost() async throws {
        var configuration = CurlClient.Configuration()
        configuration.connectionsPerHostMax = 3
        try await exchange(configuration, script: { _ in answer(200, "x") }) { server, client in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await client.send(CurlRequest(method: "GET", url: server.endpoint)).status }
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(server.requests.count == 40)
            #expect(server.connectionCount <= 3)
        }
    }

    @Test func refusesMoreThanItsBound() async throws {
        var configuration = CurlClient.Configuration()
        configuration.transfersMax = 1
        try await exchange(configuration, script: { _ in .silence }) { server, client in
            let first = Task { try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
            while server.requests.isEmpty { await Task.yield() }
            #expect(
                await failureCode { try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
                    == .refused)
            server.stop()
            await #expect(throws: CurlError.self) { try await first.value }
        }
    }

    @Test func ignoresInterimAnswersAndTrailers() async throws {
        let bytes = Array(
            "HTTP/1.1 103 Early\r\nX-Hint: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-A:  b \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: t\r\n\r\n"
                .utf8)
        try await exchange(script: { _ in .raw([bytes]) }) { server, client in
            let response = try await client.send(CurlRequest(method: "GET", url: server.endpoint))
            #expect(response.status == 200)
            #expect(response.body == Array("abc".utf8))
            #expect(response.headers.fields.map(\.name) == ["X-A", "Transfer-Encoding"])
            #expect(response.headers["x-a"] == "b")
        }
    }

    @Test func refusesTooLongAnswers() async throws {
        try await exchange(script: { _ in answer(200, "12345") }) { server, client in
            #expect(
                await failureCode {
                    try await client.send(CurlRequest(method: "GET", url: server.endpoint), responseBytesMax: 4)
                } == .responseTooLarge)
            let five = try await client.send(CurlRequest(method: "GET", url: server.endpoint), responseBytesMax: 5)
            #expect(five.body.count == 5)
        }
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let reply: ScriptedServer.Reply
        let code: CurlError.Code
        var testDescription: String { name }
    }

    @Test(arguments: [
        Fault(name: "hung up", reply: .hangUp, code: .connectionLost),
        Fault(
            name: "cut short", reply: .raw([Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".utf8)]),
            code: .connectionLost),
        Fault(name: "silent", reply: .silence, code: .timedOut),
        Fault(
            name: "endless header",
            reply: .raw(
                [Array("HTTP/1.1 200 OK\r\n".utf8)]
                    + (0..<70).map { Array("X-\($0): \(String(repeating: "x", count: 1024))\r\n".utf8) }),
            code: .responseTooLarge),
    ])
    func brokenAnswers(fault: Fault) async throws {
        try await exchange(script: { _ in fault.reply }) { server, client in
            var request = CurlRequest(method: "GET", url: server.endpoint)
            if fault.code == .timedOut { request.timeouts.total = .milliseconds(50) }
            #expect(await failureCode { try await client.send(request) } == fault.code)
        }
    }

    @Test(arguments: ["", "nonsense", "ftp://127.0.0.1/", "http://", "file:///etc/passwd", "http://a b/"])
    func refusesURLs(url: String) async throws {
        let client = try CurlClient()
        #expect(await failureCode { try await client.send(CurlRequest(method: "GET", url: url)) } == .invalidRequest)
    }

    @Test(arguments: [("X-A", "b\r\nX-B: c"), ("X A", "b"), ("", "b"), ("X:A", "b"), ("X-A", "\u{0}")])
    func refusesHeaders(name: String, value: String) async throws {
        let client = try CurlClient()
        let request = CurlRequest(method: "GET", url: "http://127.0.0.1:1/", headers: HTTPFields([(name, value)]))
        #expect(await failureCode { try await client.send(request) } == .invalidRequest)
    }

    @Test func nobodyListens() async throws {
        let server = try ScriptedServer { _ in .hangUp }
        let endpoint = server.endpoint
        server.stop()
        let client = try CurlClient()
        // The listening socket goes with the accepting thread; until then a connection is broken at once.
        let code = await failureCode { try await client.send(CurlRequest(method: "GET", url: endpoint)) }
        #expect(code == .unreachable || code == .connectionLost)
    }

    @Test func cancellationEndsTheWait() async throws {
        try await exchange(script: { _ in .silence }) { server, client in
            let waiting = Task { try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
            while server.requests.isEmpty { await Task.yield() }
            waiting.cancel()
            #expect(await failureCode { try await waiting.value } == .cancelled)
            let early = Task { try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
            early.cancel()
            await #expect(throws: CurlError.self) { try await early.value }
        }
    }

    @Test func closingFailsWhatWaits() async throws {
        try await exchange(script: { _ in .silence }) { server, client in
            let waiting = Task { try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
            while server.requests.isEmpty { await Task.yield() }
            client.close()
            #expect(await failureCode { try await waiting.value } == .refused)
            #expect(
                await failureCode { try await client.send(CurlRequest(method: "GET", url: server.endpoint)) }
                    == .refused)
        }
    }
}

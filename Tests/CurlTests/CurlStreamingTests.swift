import Curl
import HTTPTypes
import ScriptedServer
import Synchronization
import Testing

/// Pieces of a known body, counted as they are asked for.
private final class Pieces: Sendable {
    let asked = Mutex(0)
    let count: Int
    let size: Int

    init(count: Int, size: Int) {
        self.count = count
        self.size = size
    }

    @Sendable func next() async throws -> [UInt8]? {
        let index = asked.withLock { asked in
            asked += 1
            return asked - 1
        }
        guard index < count else { return nil }
        return [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)
    }

    var whole: [UInt8] { (0..<count).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: size) } }
}

private struct ProducerFailed: Error {}

@Suite(.timeLimit(.minutes(1))) struct CurlStreamingTests {
    private func exchange(
        bufferedBytesMax: Int = 64 << 10, script: @escaping @Sendable (HTTPRequest) -> ScriptedServer.Reply,
        _ body: (ScriptedServer, CurlClient) async throws -> Void
    ) async throws {
        let server = try ScriptedServer(script)
        var configuration = CurlClient.Configuration()
        configuration.bufferedBytesMax = bufferedBytesMax
        let client = try CurlClient(configuration)
        defer {
            client.close()
            server.stop()
        }
        try await body(server, client)
    }

    private static let ok = ScriptedServer.Reply.response(HTTPResponse(status: 200))

    @Test(arguments: [(0, 1), (1, 1), (3, 100_000), (300, 7777)], [true, false])
    func uploadsFromAProducer(shape: (Int, Int), isLengthKnown: Bool) async throws {
        let pieces = Pieces(count: shape.0, size: shape.1)
        try await exchange(script: { _ in Self.ok }) { server, client in
            let body = CurlRequest.Body.stream(length: isLengthKnown ? shape.0 * shape.1 : nil, next: pieces.next)
            let response = try await client.send(CurlRequest(method: "PUT", url: server.endpoint, body: body))
            #expect(response.status == 200)
            #expect(server.requests.first?.body.array == pieces.whole)
            #expect((server.requests.first?.headers["Transfer-Encoding"] == "chunked") == !isLengthKnown)
        }
    }

    @Test(arguments: [2, 4])
    func refusesAnotherLengthThanAnnounced(pieceCount: Int) async throws {
        let pieces = Pieces(count: pieceCount, size: 1000)
        try await exchange(script: { _ in .silence }) { server, client in
            let body = CurlRequest.Body.stream(length: 3000, next: pieces.next)
            var request = CurlRequest(method: "PUT", url: server.endpoint, body: body)
            request.timeouts.total = .seconds(5)
            let code = await failureCode { try await client.send(request) }
            // What is too long may already have been cut off at the announced length.
            #expect(code == .bodyFailed || (pieceCount > 3 && code == .timedOut))
        }
    }

    @Test func aFailingProducerFailsTheRequest() async throws {
        try await exchange(script: { _ in Self.ok }) { server, client in
            let body = CurlRequest.Body.stream(length: nil) { throw ProducerFailed() }
            #expect(
                await failureCode {
                    try await client.send(CurlRequest(method: "PUT", url: server.endpoint, body: body))
                } == .bodyFailed)
        }
    }

    @Test func aStuckServerHoldsTheProducerBack() async throws {
        // The server reads nothing beyond the head: its socket's buffers and ours fill, then the producer rests.
        let pieces = Pieces(count: 100_000, size: 16 << 10)
        let server = try StuckListener()
        let client = try CurlClient()
        let sending = Task {
            let body = CurlRequest.Body.stream(length: nil, next: pieces.next)
            return try await client.send(
                CurlRequest(method: "PUT", url: "http://127.0.0.1:\(server.port)/", body: body))
        }
        var last = -1
        var quiet = 0
        while quiet < 2000 {
            let asked = pieces.asked.withLock { $0 }
            quiet = asked == last && asked > 0 ? quiet + 1 : 0
            last = asked
            await Task.yield()
        }
        #expect(last < 5000)
        sending.cancel()
        #expect(await failureCode { try await sending.value } == .cancelled)
        server.stop()
    }

    @Test func readsAnAnswerPieceByPiece() async throws {
        let whole = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await exchange(script: { _ in .response(HTTPResponse(status: 200, body: whole)) }) { server, client in
            let read = try await client.withResponse(to: CurlRequest(method: "GET", url: server.endpoint)) { stream in
                #expect(stream.head.status == 200)
                #expect(stream.head.headers["Content-Length"] == "3000000")
                var read: [UInt8] = []
                while let piece = try await stream.next() { read += piece }
                return read
            }
            #expect(read == whole)
        }
    }

    @Test func anAbandonedAnswerLeavesTheClientUsable() async throws {
        let whole = [UInt8](repeating: 1, count: 8 << 20)
        try await exchange(script: { _ in .response(HTTPResponse(status: 200, body: whole)) }) { server, client in
            for _ in 0..<3 {
                let first = try await client.withResponse(to: CurlRequest(method: "GET", url: server.endpoint)) {
                    try await $0.next()
                }
                #expect(first?.isEmpty == false)
            }
            let all = try await client.send(CurlRequest(method: "GET", url: server.endpoint))
            #expect(all.body.count == whole.count)
        }
    }

    @Test func aBrokenAnswerThrowsAfterItsBytes() async throws {
        let cut = Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".utf8)
        try await exchange(script: { _ in .raw([cut]) }) { server, client in
            await #expect(throws: CurlError.self) {
                try await client.withResponse(to: CurlRequest(method: "GET", url: server.endpoint)) { stream in
                    #expect(try await stream.next() == Array("abc".utf8))
                    _ = try await stream.next()
                }
            }
        }
    }

    @Test func uploadsWhileTheAnswerIsStreamed() async throws {
        let pieces = Pieces(count: 100, size: 5000)
        try await exchange(script: { .response(HTTPResponse(status: 200, body: $0.body.array)) }) { server, client in
            let request = CurlRequest(
                method: "POST", url: server.endpoint, body: .stream(length: nil, next: pieces.next))
            let read = try await client.withResponse(to: request) { stream in
                var read: [UInt8] = []
                while let piece = try await stream.next() { read += piece }
                return read
            }
            #expect(read == pieces.whole)
        }
    }
}

import HTTPServer
import HTTPTypes
import Testing

@Suite struct DeadlineTests {
    @Test func slowHead() async throws {
        try await withServer(configure: { $0.headDeadline = .milliseconds(500) }) { server in
            // Behind a whole request, so that the connection's own beginning does not count.
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost:")
            #expect(try client.answer().status == 200)
            #expect(isRefusal(try client.answer(), 408))
            #expect(try client.isAtEnd())
        }
    }

    @Test func tricklingHeadDoesNotLiveForEver() async throws {
        try await withServer(configure: { $0.headDeadline = .milliseconds(200) }) { server in
            let client = try RawClient(port: server.port)
            // Never silent for long, never finished: the deadline is for the whole head.
            var isRefused = false
            for _ in 0..<100_000 where !isRefused {
                do {
                    try client.send("a")
                    isRefused = server.statistics.refused == 1
                } catch {
                    break
                }
            }
            #expect(server.reaches { $0.refused == 1 })
        }
    }

    @Test func silentConnectionIsClosed() async throws {
        try await withServer(configure: { $0.headDeadline = .milliseconds(100) }) { server in
            let client = try RawClient(port: server.port)
            #expect(try client.isAtEnd())
        }
    }

    @Test func idleConnectionIsClosed() async throws {
        try await withServer(configure: { $0.idleDeadline = .milliseconds(100) }) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.answer().status == 200)
            #expect(try client.isAtEnd())
        }
    }

    @Test(arguments: ["Content-Length: 100000", "Content-Length: 10", "Transfer-Encoding: chunked"])
    func slowBody(framing: String) async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep, configure: { $0.bodyDeadline = .milliseconds(100) }) { server in
            let client = try RawClient(port: server.port)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\n\(framing)\r\n\r\n3\r\n")
            #expect(isRefusal(try client.answer(), 408))
            #expect(try client.isAtEnd())
            #expect(keeper.count == 0)
            #expect(server.reaches { $0.bodyMemory == 0 })
        }
    }

    @Test func slowReaderIsCut() async throws {
        try await withServer(
            handler: {
                $0.forEach { $0.respond(HTTPResponse(status: 200, body: [UInt8](repeating: 1, count: 50_000_000))) }
            },
            configure: { $0.answerDeadline = .milliseconds(200) }
        ) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 4096)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(server.reaches { $0.acceptedConnections == 1 && $0.connections == 0 })
            try client.waitForClose()
        }
    }

    @Test func noDeadlineWhileTheHandlerWorks() async throws {
        let keeper = Keeper()
        try await withServer(
            handler: keeper.keep,
            configure: {
                $0.headDeadline = .milliseconds(50)
                $0.bodyDeadline = .milliseconds(50)
                $0.idleDeadline = .milliseconds(50)
                $0.answerDeadline = .milliseconds(50)
            }
        ) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            try keeper.waitForArrivals(1)
            // Another connection's deadline passes after the first one's would have.
            let silent = try RawClient(port: server.port)
            #expect(try silent.isAtEnd())
            for exchange in keeper.takeAll() { exchange.respond(HTTPResponse(status: 200)) }
            #expect(try client.answer().status == 200)
        }
    }
}

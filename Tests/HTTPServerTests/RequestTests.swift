import HTTPServer
import HTTPTypes
import Testing

@Suite struct RequestTests {
    @Test func arrivesLetterForLetter() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send(
                "POST /v2/P/streams/no%20such%20+%20stream/%C3%A4%25/?a=b&&c= HTTP/1.1\r\nhOsT: h:1\r\nX-b:  two words \r\n"
                    + "x-B:\r\nContent-Length: 5\r\n\r\nhello")
            let answer = try client.answer()
            #expect(answer.status == 200)
            #expect(answer.text == "hello")
            #expect(answer.fields["x-method"] == "POST")
            #expect(answer.fields["x-target"] == "/v2/P/streams/no%20such%20+%20stream/%C3%A4%25/?a=b&&c=")
            #expect(answer.fields["x-fields"] == "hOsT=h:1|X-b=two words|x-B=|Content-Length=5")
            #expect(answer.fields["x-peer"] == "127.0.0.1")
            #expect(answer.fields["x-secure"] == "false")
            #expect(answer.fields["date"]?.hasSuffix(" GMT") == true)
            #expect(answer.fields["connection"] == nil)
        }
    }

    @Test(arguments: [0, 1, 4095, 4096, 4097, 16383, 16384, 16385, 65536, 500_000, 5_000_000])
    func bodiesOfEverySize(count: Int) async throws {
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
        try await withServer { server in
            let client = try RawClient(port: server.port)
            for _ in 0..<2 {
                try client.send("PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: \(count)\r\n\r\n")
                try client.send(body)
                #expect(try client.answer().body == body)
            }
            // The same, chunked in pieces that fit nothing.
            try client.send("PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            var start = 0
            while start < count {
                let end = min(count, start + 7001)
                try client.send("\(String(end - start, radix: 16))\r\n")
                try client.send(Array(body[start..<end]) + Array("\r\n".utf8))
                start = end
            }
            try client.send("0\r\n\r\n")
            #expect(try client.answer().body == body)
        }
    }

    @Test func headByteByByte() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            for byte in Array("POST /x HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 3\r\n\r\nabc".utf8) {
                try client.send([byte])
            }
            #expect(try client.answer().text == "abc")
        }
    }

    @Test func manyTinyChunks() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            try client.send(String(repeating: "1;e=\"q\"\r\nz\r\n", count: 50_000))
            try client.send("0\r\nTrailer-Field: dropped\r\n\r\n")
            let answer = try client.answer()
            #expect(answer.body == [UInt8](repeating: UInt8(ascii: "z"), count: 50_000))
            #expect(answer.fields["x-fields"] == "Host=h|Transfer-Encoding=chunked")
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep, configure: { $0.maxPipelinedRequests = 4 }) { server in
            let client = try RawClient(port: server.port)
            let requests = (0..<10).map { "POST /\($0) HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\($0)" }
            try client.send(requests.joined())
            var next = 0
            for round in [4, 4, 2] {
                try keeper.waitForArrivals(round)
                let exchanges = keeper.takeAll()
                // No more than the bound are in flight.
                #expect(exchanges.count == round)
                for exchange in exchanges.reversed() {
                    exchange.respond(HTTPResponse(status: 200, body: Array(exchange.request.target.utf8)))
                }
                for _ in 0..<round {
                    #expect(try client.answer().text == "/\(next)")
                    next += 1
                }
            }
        }
    }

    @Test(arguments: [
        ("HTTP/1.1", "", false), ("HTTP/1.1", "Connection: keep-alive\r\n", false),
        ("HTTP/1.1", "Connection: close\r\n", true), ("HTTP/1.1", "Connection: x, Close\r\n", true),
        ("HTTP/1.0", "", true), ("HTTP/1.0", "Connection: keep-alive\r\n", false),
    ])
    func keepAlive(version: String, field: String, closes: Bool) async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / \(version)\r\nHost: h\r\n\(field)\r\n")
            let answer = try client.answer()
            #expect(answer.fields["connection"] == (closes ? "close" : version == "HTTP/1.0" ? "keep-alive" : nil))
            if closes {
                #expect(try client.isAtEnd())
            } else {
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.answer().status == 200)
            }
        }
    }

    @Test func clientThatEndsSendingStillGetsItsAnswers() async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.endSending()
            try keeper.waitForArrivals(2)
            for exchange in keeper.takeAll() { exchange.respond(HTTPResponse(status: 200)) }
            #expect(try client.answer().status == 200)
            #expect(try client.answer().fields["connection"] == "close")
            #expect(try client.isAtEnd())
        }
    }

    @Test func expectationIsMet() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send("PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
            #expect(try client.answer().status == 100)
            try client.send("ok")
            #expect(try client.answer().text == "ok")
            // Behind a request in flight, and with the body at once: no interim answer is needed.
            try client.send("PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok")
            #expect(try client.answer().text == "ok")
        }
    }

    @Test func expectationWaitsForEarlierAnswers() async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n")
            try client.send("PUT /2 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
            try keeper.waitForArrivals(1)
            for exchange in keeper.takeAll() { exchange.respond(HTTPResponse(status: 202)) }
            #expect(try client.answer().status == 202)
            #expect(try client.answer().status == 100)
            try client.send("0\r\n\r\n")
            try keeper.waitForArrivals(1)
            for exchange in keeper.takeAll() { exchange.respond(HTTPResponse(status: 200)) }
            #expect(try client.answer().status == 200)
        }
    }

    @Test func absoluteFormLosesItsAuthority() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send("GET http://h:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.answer().fields["x-target"] == "/p?q")
        }
    }

    @Test func oneEmptyLineBeforeARequestIsIgnored() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send("\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.answer().fields["x-target"] == "/a")
            try client.send("\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.answer().fields["x-target"] == "/b")
        }
    }
}

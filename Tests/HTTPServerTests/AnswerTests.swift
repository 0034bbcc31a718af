import HTTPServer
import HTTPTypes
import Testing

@Suite struct AnswerTests {
    @Test(arguments: [200, 201, 204, 304, 400, 404, 441, 500, 503])
    func lengthFollowsTheStatus(status: Int) async throws {
        let body = Array(#"{"a":1}"#.utf8)
        try await withServer(
            handler: { $0.forEach { $0.respond(HTTPResponse(status: status, body: body)) } }
        ) { server in
            let client = try RawClient(port: server.port)
            for method in ["GET", "DELETE", "HEAD", "POST"] {
                try client.send("\(method) / HTTP/1.1\r\nHost: h\r\n\r\n")
                let answer = try client.answer(head: method == "HEAD")
                #expect(answer.status == status)
                if status == 204 || status == 304 {
                    #expect(answer.fields["content-length"] == nil)
                    #expect(answer.fields["transfer-encoding"] == nil)
                } else {
                    #expect(answer.fields["content-length"] == "7")
                    #expect(answer.body == (method == "HEAD" ? [] : body))
                }
            }
        }
    }

    @Test func emptyAnswerSaysSo() async throws {
        try await withServer(handler: { $0.forEach { $0.respond(HTTPResponse(status: 201)) } }) { server in
            let client = try RawClient(port: server.port)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            #expect(try client.answer().fields["content-length"] == "0")
        }
    }

    @Test(arguments: [4096, 4097, 1_000_000, 50_000_000])
    func largeBodiesArriveWhole(count: Int) async throws {
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 11) }
        try await withServer(handler: { $0.forEach { $0.respond(HTTPResponse(status: 200, body: body)) } }) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 65536)
            try client.send(
                "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.answer(head: true).fields["content-length"] == "\(count)")
            #expect(try client.answer().body == body)
            #expect(try client.answer().body == body)
        }
    }

    @Test func manyPipelinedAnswersMixLargeAndSmall() async throws {
        try await withServer(handler: { exchanges in
            for exchange in exchanges {
                let count = Int(exchange.request.target.dropFirst()) ?? 0
                exchange.respond(HTTPResponse(status: 200, body: [UInt8](repeating: UInt8(count % 251), count: count)))
            }
        }) { server in
            let counts = (0..<200).map { $0 % 3 == 0 ? 5000 + $0 : $0 }
            let client = try RawClient(port: server.port)
            try client.send(counts.map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
            for count in counts {
                #expect(try client.answer().body == [UInt8](repeating: UInt8(count % 251), count: count))
            }
        }
    }

    @Test(arguments: [
        ("A", "b\r\nSet-Cookie: x"), ("A", "b\nc"), ("A", "\0"), ("A b", "c"), ("", "c"), ("A:", "c"), ("A\r\nB", "c"),
    ])
    func fieldsThatCannotBeSentBecome500(name: String, value: String) async throws {
        try await withServer(
            handler: { $0.forEach { $0.respond(HTTPResponse(status: 200, headers: HTTPFields([(name, value)]))) } }
        ) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(isRefusal(try client.answer(), 500))
        }
    }

    @Test func serverOwnsItsFields() async throws {
        let headers = HTTPFields([
            ("Content-Length", "99"), ("Transfer-Encoding", "chunked"), ("date", "x"), ("X-A", "1"),
            ("Connection", "close"),
        ])
        try await withServer(
            handler: { $0.forEach { $0.respond(HTTPResponse(status: 200, headers: headers, body: [1])) } }
        ) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let answer = try client.answer()
            #expect(Set(answer.fields.keys) == ["content-length", "date", "x-a", "connection"])
            #expect(answer.body == [1])
            #expect(try client.isAtEnd())
        }
    }

    @Test func droppedExchangeAnswers500() async throws {
        try await withServer(handler: { _ in }) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(isRefusal(try client.answer(), 500))
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(isRefusal(try client.answer(), 500))
        }
    }

    @Test func onlyTheFirstAnswerCounts() async throws {
        try await withServer(handler: { exchanges in
            for exchange in exchanges {
                exchange.respond(HTTPResponse(status: 200))
                exchange.respond(HTTPResponse(status: 404))
            }
        }) { server in
            let client = try RawClient(port: server.port)
            for _ in 0..<3 {
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.answer().status == 200)
            }
        }
    }
}

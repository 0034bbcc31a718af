import Foundation
import HTTPServer
import HTTPTypes
import Testing

@Suite struct BoundsTests {
    // A client that sends all before it reads (as Python's http.client does) must find the answer, not a reset.
    @Test(arguments: [11_000, 900_000, 5_000_000, 20_000_000], [true, false])
    func tooLargeBodyIsToldToAClientThatSendsFirst(count: Int, chunked: Bool) async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep, configure: { $0.maxBodyBytes = 10_000 }) { server in
            let client = try RawClient(port: server.port)
            let body = [UInt8](repeating: 7, count: count)
            if chunked {
                try client.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                for start in stride(from: 0, to: count, by: 50_000) {
                    let end = min(count, start + 50_000)
                    try client.send("\(String(end - start, radix: 16))\r\n")
                    try client.send(Array(body[start..<end]) + Array("\r\n".utf8))
                }
                try client.send("0\r\n\r\n")
            } else {
                try client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: \(count)\r\n\r\n")
                try client.send(body)
            }
            let answer = try client.answer()
            #expect(isRefusal(answer, 413))
            #expect(keeper.count == 0)
            // A body that was only a little too large has been read to its end, and the connection lives.
            if count < 1_000_000 {
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                try keeper.waitForArrivals(1)
                keeper.takeAll().first?.respond(HTTPResponse(status: 200))
                #expect(try client.answer().status == 200)
            } else {
                #expect(answer.fields["connection"] == "close")
                #expect(try client.isAtEnd())
            }
        }
    }

    @Test func tooLargeExpectationIsRefusedAtOnce() async throws {
        try await withServer(configure: { $0.maxBodyBytes = 10 }) { server in
            let client = try RawClient(port: server.port)
            try client.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
            #expect(isRefusal(try client.answer(), 413))
            #expect(try client.isAtEnd())
        }
    }

    @Test func bodyAtTheLimitIsTaken() async throws {
        try await withServer(configure: { $0.maxBodyBytes = 10 }) { server in
            let client = try RawClient(port: server.port)
            try client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789")
            #expect(try client.answer().text == "0123456789")
            try client.send(
                "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")
            #expect(try client.answer().text == "0123456789")
        }
    }

    @Test func cutUploadsLeaveNothing() async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep) { server in
            var accepted = 0
            for framing in ["Content-Length: 5000000", "Content-Length: 100", "Transfer-Encoding: chunked"] {
                for resets in [false, true] {
                    accepted += 1
                    let client = try RawClient(port: server.port)
                    try client.send("PUT / HTTP/1.1\r\nHost: h\r\n\(framing)\r\n\r\n40\r\n0123456789")
                    #expect(server.reaches { $0.acceptedConnections == accepted })
                    if resets { client.reset() }
                }
            }
            #expect(server.reaches { $0.connections == 0 })
            #expect(keeper.count == 0)
            #expect(server.statistics.requests == 0)
            #expect(server.reaches { $0.bodyMemory == 0 })
        }
    }

    @Test func connectionsBeyondTheBoundWait() async throws {
        try await withServer(configure: { $0.maxConnections = 2 }) { server in
            let first = try RawClient(port: server.port)
            var second: RawClient? = try RawClient(port: server.port)
            let third = try RawClient(port: server.port)
            for client in [first, second, third] { try client?.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n") }
            #expect(try first.answer().status == 200)
            #expect(try second?.answer().status == 200)
            #expect(server.statistics.acceptedConnections == 2)
            second = nil
            #expect(try third.answer().status == 200)
            #expect(server.statistics.acceptedConnections == 3)
        }
    }

    @Test func connectionsOfOneAddressAreBounded() async throws {
        try await withServer(configure: { $0.maxConnectionsPerAddress = 2 }) { server in
            let kept = [try RawClient(port: server.port), try RawClient(port: server.port)]
            for client in kept {
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.answer().status == 200)
            }
            let refused = try RawClient(port: server.port)
            try refused.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(isRefusal(try refused.answer(), 503))
            #expect(try refused.isAtEnd())
            for client in kept {
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.answer().status == 200)
            }
        }
    }

    // More bodies than the budget holds: some wait unread, all are served in the end, the budget is kept.
    @Test(arguments: [true, false])
    func bodyMemoryStaysInItsBudget(chunked: Bool) async throws {
        let budget = 4_000_000, count = 1_000_000, clients = 24
        let keeper = Keeper()
        try await withServer(
            handler: keeper.keep,
            configure: {
                $0.bodyMemoryBudget = budget
                $0.maxBodyBytes = 1_000_000
            }
        ) { server in
            let body = [UInt8](repeating: 5, count: count)
            let group = DispatchGroup()
            let answered = DispatchQueue(label: "answered")
            nonisolated(unsafe) var statuses: [Int] = []
            for _ in 0..<clients {
                group.enter()
                Thread.detachNewThread {
                    defer { group.leave() }
                    guard let client = try? RawClient(port: server.port) else { return }
                    let framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(count)"
                    try? client.send("PUT / HTTP/1.1\r\nHost: h\r\n\(framing)\r\n\r\n")
                    if chunked { try? client.send("\(String(count, radix: 16))\r\n") }
                    try? client.send(body)
                    if chunked { try? client.send("\r\n0\r\n\r\n") }
                    let status = (try? client.answer().status) ?? 0
                    answered.sync { statuses.append(status) }
                }
            }
            // Answers are given only when no further request can arrive, or the test would prove nothing.
            var served = 0
            while served < clients {
                try keeper.waitForArrivals(1)
                #expect(server.statistics.bodyMemoryPeak <= budget)
                for exchange in keeper.takeAll() {
                    #expect(exchange.request.body.array == body)
                    exchange.respond(HTTPResponse(status: 200))
                    served += 1
                }
            }
            #expect(group.wait(timeout: .now() + 20) == .success)
            #expect(statuses == [Int](repeating: 200, count: clients))
            #expect(server.statistics.bodyMemoryPeak <= budget)
        }
    }

    // Bodies whose owners hold all memory: further clients are not read, and go on when one lets go.
    @Test func bodiesWaitUnreadWhileMemoryIsHeld() async throws {
        let keeper = Keeper()
        try await withServer(
            handler: keeper.keep,
            configure: {
                $0.bodyMemoryBudget = 2_000_000
                $0.maxBodyBytes = 20_000_000
            }
        ) { server in
            let first = try RawClient(port: server.port)
            try first.send("PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1900000\r\n\r\n")
            try first.send([UInt8](repeating: 1, count: 1_900_000))
            try keeper.waitForArrivals(1)
            var held = keeper.takeAll()

            let second = try RawClient(port: server.port)
            let body = [UInt8](repeating: 2, count: 20_000_000)
            try second.send("PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.count)\r\n\r\n")
            let taken = try second.sendUntilBlocked(body, patience: 300)
            #expect(taken < body.count)
            #expect(server.statistics.bodyMemory <= 2_000_000)

            // Small requests are still served.
            let small = try RawClient(port: server.port)
            try small.send("PUT /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab")
            try keeper.waitForArrivals(1)
            keeper.takeAll().first?.respond(HTTPResponse(status: 200))
            #expect(try small.answer().status == 200)

            held.first?.respond(HTTPResponse(status: 200))
            held = []
            #expect(try first.answer().status == 200)
            try second.send(Array(body[taken...]))
            try keeper.waitForArrivals(1)
            let exchange = keeper.takeAll().first
            #expect(exchange?.request.body.count == body.count)
            exchange?.respond(HTTPResponse(status: 200))
            #expect(try second.answer().status == 200)
        }
    }

    // Heads and small bodies of requests in flight are bounded together, by a quarter of the budget.
    @Test func smallRequestsInFlightAreBoundedTogether() async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep, configure: { $0.bodyMemoryBudget = 65536 }) { server in
            let body = [UInt8](repeating: 3, count: 10_000)
            let head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.count)\r\n\r\n"
            let clients = try (0..<4).map { _ in try RawClient(port: server.port) }
            for client in clients.prefix(2) {
                try client.send(head)
                try client.send(body)
            }
            try keeper.waitForArrivals(2)
            for client in clients.suffix(2) {
                try client.send(head)
                try client.send(body)
            }
            // The heads of the others have been read, and of their bodies what came with them.
            #expect(
                server.reaches {
                    $0.acceptedConnections == 4 && $0.bytesReceived >= 2 * body.count + 4 * head.utf8.count
                })
            #expect(server.statistics.requests == 2)
            var answered = 0
            while answered < 4 {
                for exchange in keeper.takeAll() {
                    exchange.respond(HTTPResponse(status: 200))
                    answered += 1
                }
                if answered < 4 { try keeper.waitForArrivals(1) }
            }
            for client in clients { #expect(try client.answer().status == 200) }
        }
    }

    // A body that holds memory and has stopped coming makes room for those that wait.
    @Test func stalledBodyMakesRoom() async throws {
        try await withServer(configure: {
            $0.bodyMemoryBudget = 1_000_000
            $0.stallDeadline = .milliseconds(200)
        }) { server in
            let stalled = try RawClient(port: server.port)
            try stalled.send("PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n")
            try stalled.send([UInt8](repeating: 1, count: 100_000))
            #expect(server.reaches { $0.bodyMemory == 900_000 })
            let waiting = try RawClient(port: server.port)
            try waiting.send("PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 800000\r\n\r\n")
            try waiting.send([UInt8](repeating: 2, count: 800_000))
            #expect(isRefusal(try stalled.answer(), 408))
            #expect(try waiting.answer().body == [UInt8](repeating: 2, count: 800_000))
        }
    }

    @Test func waitingForMemoryHasADeadline() async throws {
        let keeper = Keeper()
        try await withServer(
            handler: keeper.keep,
            configure: {
                $0.bodyMemoryBudget = 100_000
                $0.bodyDeadline = .milliseconds(300)
            }
        ) { server in
            let first = try RawClient(port: server.port)
            try first.send("PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n")
            try first.send([UInt8](repeating: 1, count: 90_000))
            try keeper.waitForArrivals(1)
            let second = try RawClient(port: server.port)
            try second.send("PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n")
            try second.send([UInt8](repeating: 1, count: 90_000))
            #expect(isRefusal(try second.answer(), 503))
            keeper.takeAll().first?.respond(HTTPResponse(status: 200))
            #expect(try first.answer().status == 200)
        }
    }

    @Test func bodyMemoryIsGivenBackWhileIdle() async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
            try client.send([UInt8](repeating: 1, count: 3_000_000))
            #expect(try client.answer().body.count == 3_000_000)
            #expect(server.reaches { $0.bodyMemory == 0 })
        }
    }
}

import Foundation
import HTTPServer
import HTTPTypes
import Testing

@Suite struct LifeCycleTests {
    @Test func drainAnswersWhatIsInFlight() async throws {
        let keeper = Keeper()
        let configuration = HTTPServerConfiguration(refusal: refusalBody)
        let server = try HTTPServer(configuration: configuration, handler: keeper.keep)
        async let running: Void = server.run()
        try await onThread {
            Result {
                let busy = try RawClient(port: server.port)
                try busy.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
                try keeper.waitForArrivals(2)
                let halfSent = try RawClient(port: server.port)
                try halfSent.send("PUT /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
                let idle = try RawClient(port: server.port)
                try idle.send("GET /4 HTTP/1.1\r\nHost: h\r\n\r\n")
                try keeper.waitForArrivals(1)
                var exchanges = keeper.takeAll()
                exchanges.popLast()?.respond(HTTPResponse(status: 200))
                #expect(try idle.answer().status == 200)
                #expect(server.reaches { $0.connections == 3 })

                server.shutDown(grace: .seconds(20))
                // Idle ones are closed, and nobody new is let in.
                #expect(try idle.isAtEnd())
                #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }

                for exchange in exchanges { exchange.respond(HTTPResponse(status: 200)) }
                #expect(try busy.answer().fields["connection"] == nil)
                #expect(try busy.answer().fields["connection"] == "close")
                #expect(try busy.isAtEnd())
                try halfSent.send("cd")
                try keeper.waitForArrivals(1)
                keeper.takeAll().first?.respond(HTTPResponse(status: 201))
                let answer = try halfSent.answer()
                #expect(answer.status == 201)
                #expect(answer.fields["connection"] == "close")
            }
        }.get()
        try await running
        #expect(server.statistics.connections == 0)
    }

    @Test func graceEnds() async throws {
        let keeper = Keeper()
        let server = try HTTPServer(configuration: HTTPServerConfiguration(refusal: refusalBody), handler: keeper.keep)
        async let running: Void = server.run()
        try await onThread {
            Result {
                let client = try RawClient(port: server.port)
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                try keeper.waitForArrivals(1)
                server.shutDown(grace: .milliseconds(100))
                try client.waitForClose()
            }
        }.get()
        try await running
        // An answer after the end goes nowhere, and harms nothing.
        for exchange in keeper.takeAll() { exchange.respond(HTTPResponse(status: 200)) }
    }

    @Test func cancellationEndsAtOnce() async throws {
        let keeper = Keeper()
        let server = try HTTPServer(configuration: HTTPServerConfiguration(refusal: refusalBody), handler: keeper.keep)
        let task = Task { try await server.run() }
        try await onThread {
            Result {
                let client = try RawClient(port: server.port)
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                try keeper.waitForArrivals(1)
                task.cancel()
                try client.waitForClose()
            }
        }.get()
        try await task.value
        for exchange in keeper.takeAll() { exchange.respond(HTTPResponse(status: 200)) }
    }

    @Test func bodiesOutliveTheirConnectionAndServer() async throws {
        let keeper = Keeper()
        var server: HTTPServer? = try HTTPServer(
            configuration: HTTPServerConfiguration(refusal: refusalBody), handler: keeper.keep)
        let port = try #require(server).port
        let task = Task { [server] in try await server?.run() }
        let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        try await onThread {
            Result {
                let client = try RawClient(port: port)
                try client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.count)\r\n\r\n")
                try client.send(body)
                try keeper.waitForArrivals(1)
            }
        }.get()
        server?.shutDown(grace: .zero)
        try await task.value
        server = nil
        #expect(keeper.takeAll().first?.request.body.array == body)
    }

    @Test func twoServersRunSideBySide() async throws {
        try await withServer { first in
            let done = DispatchSemaphore(value: 0)
            let port = first.port
            Task {
                try await withServer { second in
                    let clients = [try RawClient(port: port), try RawClient(port: second.port)]
                    for client in clients { try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n") }
                    for client in clients { #expect(try client.answer().status == 200) }
                }
                done.signal()
            }
            #expect(done.wait(timeout: .now() + 20) == .success)
        }
    }

    @Test func runsOnlyOnce() async throws {
        try await withServer { server in
            let done = DispatchSemaphore(value: 0)
            Task {
                await #expect(throws: HTTPServerError.self) { try await server.run() }
                done.signal()
            }
            #expect(done.wait(timeout: .now() + 20) == .success)
        }
    }

    @Test func serverThatNeverRanGoesQuietly() throws {
        let server = try HTTPServer(configuration: HTTPServerConfiguration(refusal: refusalBody), handler: echo)
        #expect(server.port > 0)
        server.shutDown(grace: .zero)
    }

    @Test func takenPortIsAnError() throws {
        let server = try HTTPServer(configuration: HTTPServerConfiguration(refusal: refusalBody), handler: echo)
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(
                configuration: HTTPServerConfiguration(port: server.port, refusal: refusalBody), handler: echo)
        }
        #expect(error?.code == .cannotListen)
    }

    @Test(arguments: ["", "no such host", "300.1.1.1", "example.org"])
    func hostThatIsNoAddress(host: String) {
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(configuration: HTTPServerConfiguration(host: host, refusal: refusalBody), handler: echo)
        }
        #expect(error?.code == .cannotListen)
    }

    static let wrong: [@Sendable (inout HTTPServerConfiguration) -> Void] = [
        { $0.port = -1 }, { $0.port = 65536 }, { $0.maxHeadBytes = 0 }, { $0.maxHeadBytes = 1 << 40 },
        { $0.maxBodyBytes = -1 }, { $0.bodyMemoryBudget = 0 }, { $0.maxConnections = 0 },
        { $0.maxConnectionsPerAddress = 0 }, { $0.maxPipelinedRequests = 0 }, { $0.headDeadline = .zero },
        { $0.bodyDeadline = .seconds(-1) }, { $0.idleDeadline = .seconds(1_000_000) },
    ]

    @Test(arguments: wrong.indices)
    func settingsOutOfRange(index: Int) {
        var configuration = HTTPServerConfiguration(refusal: refusalBody)
        Self.wrong[index](&configuration)
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(configuration: configuration, handler: echo)
        }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test func whoWaitsForStatisticsIsWokenByEachChange() async throws {
        try await withServer { server in
            #expect(!server.awaitStatistics(atMost: .milliseconds(1)) { $0.connections == 1 })
            let client = try RawClient(port: server.port)
            #expect(server.reaches { $0.connections == 1 })
            for count in 1...50 {
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(server.reaches { $0.requests == count })
                #expect(try client.answer().status == 200)
            }
            #expect(!server.awaitStatistics(atMost: .milliseconds(1)) { $0.requests == 0 })
        }
    }

    @Test func nobodyWaitsForStatisticsBeyondTheServersEnd() async throws {
        let server = try HTTPServer(configuration: HTTPServerConfiguration(refusal: refusalBody), handler: echo)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await server.run()
                return false
            }
            for _ in 0..<3 {
                group.addTask { await onThread { server.reaches { $0.connections == 99 } } }
            }
            let client = try RawClient(port: server.port)
            #expect(await onThread { server.reaches { $0.connections == 1 } })
            server.shutDown(grace: .zero)
            try client.waitForClose()
            for try await isReached in group { #expect(!isReached) }
        }
        #expect(!server.reaches { $0.connections == 99 })
    }
}

import Foundation
import HTTPServer
import HTTPTypes
import Synchronization
import Testing

/// The four members of an error body, as every refusal must carry them.
func refusalBody(_ status: Int, _ reason: String) -> HTTPResponse {
    let text =
        #"{"errorCode":"T.\#(status)","message":"\#(reason)","error_code":"T.\#(status)","error_msg":"\#(reason)"}"#
    return HTTPResponse(
        status: status, headers: HTTPFields([("Content-Type", "application/json")]), body: Array(text.utf8))
}

func isRefusal(_ answer: RawClient.Answer, _ status: Int) -> Bool {
    guard answer.status == status, answer.fields["content-type"] == "application/json",
        let object = try? JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: String]
    else { return false }
    return Set(object.keys) == ["errorCode", "message", "error_code", "error_msg"]
}

/// Runs `body` on a thread of its own beside a running server, then stops the server and waits for its end.
func withServer(
    handler: @escaping @Sendable ([HTTPExchange]) -> Void = echo,
    configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (HTTPServer) throws -> Void
) async throws {
    var configuration = HTTPServerConfiguration(refusal: refusalBody)
    configure(&configuration)
    let server = try HTTPServer(configuration: configuration, handler: handler)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let result = await onThread { Result { try body(server) } }
        server.shutDown(grace: .zero)
        try await group.waitForAll()
        try result.get()
    }
    #expect(server.statistics.connections == 0)
}

/// Blocking work, off the cooperative pool.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Answers what was asked, so that a test sees what arrived.
@Sendable func echo(_ exchanges: [HTTPExchange]) {
    for exchange in exchanges {
        let request = exchange.request
        var headers = HTTPFields([("X-Method", request.method), ("X-Target", request.target)])
        headers.append("X-Fields", request.headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: "|"))
        headers.append("X-Secure", "\(request.isSecure)")
        headers.append("X-Peer", request.peer)
        exchange.respond(HTTPResponse(status: 200, headers: headers, body: request.body.array))
    }
}

/// Keeps exchanges until the test lets them go.
final class Keeper: Sendable {
    private let state = Mutex<[HTTPExchange]>([])
    private let arrivals = DispatchSemaphore(value: 0)

    @Sendable func keep(_ exchanges: [HTTPExchange]) {
        state.withLock { $0 += exchanges }
        for _ in exchanges { arrivals.signal() }
    }

    /// Waits until so many more have arrived.
    func waitForArrivals(_ count: Int) throws {
        for _ in 0..<count where arrivals.wait(timeout: .now() + .seconds(20)) == .timedOut {
            throw RawClient.Failure(description: "a request did not arrive")
        }
    }

    func takeAll() -> [HTTPExchange] {
        state.withLock { kept in
            defer { kept = [] }
            return kept
        }
    }

    var count: Int { state.withLock { $0.count } }
}

extension HTTPServer {
    /// Waits for statistics that come by themselves, with a bound.
    func reaches(_ condition: (HTTPServerStatistics) -> Bool) -> Bool {
        awaitStatistics(atMost: .seconds(20), condition)
    }
}

import CHTTPServer
import HTTPTypes
import Synchronization

/// Owns the C server. Exchanges and borrowed bodies keep it alive, so that they may be answered and released late.
///
/// The C server allows every call that is made here from any thread; its handle is set once, in `init`, before anybody
/// else sees the object.
final class ServerLoop: @unchecked Sendable {
    typealias Handler = @Sendable ([HTTPExchange]) -> Void

    private enum State {
        case ready
        case running(CheckedContinuation<Bool, Never>)
        case ended
    }

    let refusal: @Sendable (_ status: Int, _ reason: String) -> HTTPResponse
    private let handler: Handler
    private let state = Mutex<State>(.ready)
    private var handle: OpaquePointer?

    init(configuration: HTTPServerConfiguration, handler: @escaping Handler) throws(HTTPServerError) {
        self.handler = handler
        refusal = configuration.refusal
        try configuration.validate()
        handle = try Self.listen(configuration, context: Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        if let handle { ch_server_destroy(handle) }
    }

    var port: Int { handle.map { Int(ch_server_port($0)) } ?? 0 }

    var statistics: HTTPServerStatistics {
        var values = ch_statistics()
        if let handle { ch_server_statistics(handle, &values) }
        return HTTPServerStatistics(values)
    }

    /// Waits until the statistics satisfy `condition`, the loop has ended or `limit` is over.
    func awaitStatistics(atMost limit: Duration, _ condition: (HTTPServerStatistics) -> Bool) -> Bool {
        guard let handle else { return false }
        let deadline = ContinuousClock.now + limit
        var values = ch_statistics()
        ch_server_statistics(handle, &values)
        while !condition(HTTPServerStatistics(values)) {
            let left = deadline - .now
            let hasEnded = state.withLock { if case .ended = $0 { true } else { false } }
            guard left > .zero, !hasEnded else { return false }
            ch_server_await_change(handle, &values, left.wholeMilliseconds)
        }
        return true
    }

    /// Runs the loop until it has drained. Cancelling the task ends it at once.
    func run() async throws(HTTPServerError) {
        let ran = await withTaskCancellationHandler {
            await withCheckedContinuation { start($0) }
        } onCancel: {
            stop(grace: .zero)
        }
        guard ran else { throw HTTPServerError(.cannotRun, "The server has been run before, or there is no thread.") }
    }

    func stop(grace: Duration) {
        if let handle { ch_server_stop(handle, grace.wholeMilliseconds) }
    }

    func answer(_ response: HTTPResponse, connection: UInt64, sequence: UInt64) {
        guard let handle else { return }
        let failure = { AnswerEncoder.encode(self.refusal(500, "The answer could not be sent.")) }
        // Neither can be made when there is no memory at all: the answer's deadline of the client ends the wait.
        guard let answer = AnswerEncoder.encode(response) ?? failure() else { return }
        ch_server_answer(handle, connection, sequence, answer)
    }

    func release(_ body: OpaquePointer) {
        if let handle { ch_body_release(handle, body) }
    }

    private func start(_ continuation: CheckedContinuation<Bool, Never>) {
        let isFirst = state.withLock { state in
            guard case .ready = state else { return false }
            state = .running(continuation)
            return true
        }
        guard isFirst, let handle else { return continuation.resume(returning: false) }
        // The loop's thread holds this reference until `on_stopped`.
        let reference = Unmanaged.passRetained(self)
        guard !ch_server_start(handle) else { return }
        reference.release()
        state.withLock { $0 = .ended }
        continuation.resume(returning: false)
    }

    fileprivate func received(_ requests: UnsafeBufferPointer<ch_request>) {
        handler(requests.map { RequestDecoder.exchange($0, loop: self) })
    }

    fileprivate func stopped() {
        let waiting = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            defer { state = .ended }
            if case .running(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(returning: true)
    }

    private static func listen(
        _ configuration: HTTPServerConfiguration, context: UnsafeMutableRawPointer
    ) throws(HTTPServerError) -> OpaquePointer {
        var callbacks = ch_callbacks(
            on_requests: requestsArrived, on_refusal: requestRefused, on_stopped: loopStopped, context: context)
        var message = [CChar](repeating: 0, count: 512)
        let certificate = configuration.certificate
        let handle = configuration.host.withCString { host in
            withOptionalCString(certificate?.chainPath) { chain in
                withOptionalCString(certificate?.keyPath) { key in
                    var values = ch_configuration(
                        host: host, port: UInt16(configuration.port), certificate_path: chain, key_path: key,
                        max_head_bytes: configuration.maxHeadBytes, max_body_bytes: configuration.maxBodyBytes,
                        body_memory_budget: configuration.bodyMemoryBudget,
                        max_connections: configuration.maxConnections,
                        max_connections_per_address: configuration.maxConnectionsPerAddress,
                        max_pipelined: configuration.maxPipelinedRequests,
                        head_deadline: UInt32(clamping: configuration.headDeadline.wholeMilliseconds),
                        body_deadline: UInt32(clamping: configuration.bodyDeadline.wholeMilliseconds),
                        answer_deadline: UInt32(clamping: configuration.answerDeadline.wholeMilliseconds),
                        idle_deadline: UInt32(clamping: configuration.idleDeadline.wholeMilliseconds),
                        stall_deadline: UInt32(clamping: configuration.stallDeadline.wholeMilliseconds))
                    return ch_server_create(&values, &callbacks, &message, message.count)
                }
            }
        }
        guard let handle else {
            let text = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw HTTPServerError(
                .cannotListen, "Cannot listen on \(configuration.host):\(configuration.port): \(text)")
        }
        return handle
    }
}

private func withOptionalCString<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
) -> Result {
    guard let text else { return body(nil) }
    return text.withCString(body)
}

// MARK: Callbacks, on the loop's thread

private func requestsArrived(context: UnsafeMutableRawPointer, requests: UnsafePointer<ch_request>, count: Int) {
    Unmanaged<ServerLoop>.fromOpaque(context).takeUnretainedValue()
        .received(UnsafeBufferPointer(start: requests, count: count))
}

private func requestRefused(
    context: UnsafeMutableRawPointer, status: Int32, reason: UnsafePointer<CChar>
) -> OpaquePointer? {
    let loop = Unmanaged<ServerLoop>.fromOpaque(context).takeUnretainedValue()
    return AnswerEncoder.encode(loop.refusal(Int(status), String(cString: reason)))
}

private func loopStopped(context: UnsafeMutableRawPointer) {
    Unmanaged<ServerLoop>.fromOpaque(context).takeRetainedValue().stopped()
}

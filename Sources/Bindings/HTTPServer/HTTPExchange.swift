package import HTTPTypes
import Synchronization

/// One request and the one answer it waits for.
///
/// An exchange that is given up without an answer answers 500 by itself, so that no client waits for ever.
package final class HTTPExchange: Sendable {
    package let request: HTTPRequest
    private let loop: ServerLoop
    private let connection: UInt64
    private let sequence: UInt64
    private let isAnswered = Atomic<Bool>(false)

    init(request: HTTPRequest, loop: ServerLoop, connection: UInt64, sequence: UInt64) {
        self.request = request
        self.loop = loop
        self.connection = connection
        self.sequence = sequence
    }

    /// Sends the answer; from any thread. Only the first counts. A field that could not be sent (a line end in it)
    /// turns the answer into a 500.
    package func respond(_ response: HTTPResponse) {
        guard !isAnswered.exchange(true, ordering: .relaxed) else { return }
        loop.answer(response, connection: connection, sequence: sequence)
    }

    deinit {
        guard !isAnswered.load(ordering: .relaxed) else { return }
        loop.answer(
            loop.refusal(500, "The request was given up without an answer."), connection: connection,
            sequence: sequence)
    }
}

internal import Synchronization

/// Streams in memory: what a command reads is given, what it writes is kept. For tests and for embedding.
package final class MemorySink: ByteSink {
    private struct State {
        var bytes: [UInt8] = []
        var closesAfter: Int?
    }

    private let state: Mutex<State>

    /// - Parameter closesAfter: the reader goes away once that many bytes were written; nil is never.
    package init(closesAfter: Int? = nil) {
        state = Mutex(State(closesAfter: closesAfter))
    }

    package func write(_ bytes: [UInt8]) async throws(OutputClosed) {
        let isOpen = state.withLock { state in
            state.bytes += bytes
            return state.closesAfter.map { state.bytes.count <= $0 } ?? true
        }
        if !isOpen { throw OutputClosed() }
    }

    package func flush() async throws(OutputClosed) {}

    package var bytes: [UInt8] { state.withLock(\.bytes) }
    /// What was written, as text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Gives pieces of bytes, then the end.
package final class MemorySource: ByteSource {
    private let pieces: Mutex<ArraySlice<[UInt8]>>

    package init(_ pieces: [[UInt8]]) {
        self.pieces = Mutex(pieces[...])
    }

    package convenience init(_ text: String) {
        self.init(text.isEmpty ? [] : [Array(text.utf8)])
    }

    package func read() async throws -> [UInt8]? {
        pieces.withLock { $0.popFirst() }
    }
}

internal import Synchronization

/// Hands a request's body from the task that makes it to the loop's thread, holding no more than a bound of bytes.
final class UploadChannel: Sendable {
    /// What the loop gets when it asks for bytes.
    enum Portion {
        case bytes(Int)
        case end
        /// Nothing yet; the loop pauses sending until `resume`.
        case wait
        case failed(CurlError)
    }

    private struct State {
        var pieces: [[UInt8]] = []
        var taken = 0
        /// Bytes of the first piece that have been sent.
        var offset = 0
        var buffered = 0
        var total = 0
        var outcome: Result<Void, CurlError>?
        var isPaused = false
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let bufferedBytesMax: Int
    private let length: Int?
    private let resume: @Sendable () -> Void

    init(length: Int?, bufferedBytesMax: Int, resume: @escaping @Sendable () -> Void) {
        self.length = length
        self.bufferedBytesMax = bufferedBytesMax
        self.resume = resume
    }

    // MARK: The producer's side

    /// Moves everything `next` gives into the channel; returns at the end, on failure or when the exchange is over.
    func pump(_ next: @Sendable () async throws -> [UInt8]?) async {
        do {
            while let piece = try await next() {
                guard await put(piece) else { return }
            }
            finish(.success(()))
        } catch {
            finish(.failure(CurlError(.bodyFailed, "the request's body could not be produced: \(error)")))
        }
    }

    private func put(_ piece: [UInt8]) async -> Bool {
        if piece.isEmpty { return state.withLock { !$0.isClosed } }
        let shallResume = state.withLock { state in
            state.pieces.append(piece)
            state.buffered += piece.count
            state.total += piece.count
            if let length, state.total > length {
                state.outcome = .failure(CurlError(.bodyFailed, "the request's body is longer than announced"))
            }
            defer { state.isPaused = false }
            return state.isPaused
        }
        if shallResume { resume() }
        await withCheckedContinuation { continuation in
            let hasRoom = state.withLock { state in
                if state.buffered < bufferedBytesMax || state.isClosed || state.outcome != nil { return true }
                state.waiter = continuation
                return false
            }
            if hasRoom { continuation.resume() }
        }
        return state.withLock { !$0.isClosed && $0.outcome == nil }
    }

    private func finish(_ outcome: Result<Void, CurlError>) {
        let shallResume = state.withLock { state in
            var outcome = outcome
            if case .success = outcome, let length, state.total != length {
                outcome = .failure(CurlError(.bodyFailed, "the request's body is shorter than announced"))
            }
            state.outcome = outcome
            defer { state.isPaused = false }
            return state.isPaused
        }
        if shallResume { resume() }
    }

    // MARK: The loop's side

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Portion {
        let (portion, waiter) = state.withLock { state -> (Portion, CheckedContinuation<Void, Never>?) in
            if case .failure(let error)? = state.outcome { return (.failed(error), nil) }
            var filled = 0
            while filled < buffer.count, state.taken < state.pieces.count {
                let piece = state.pieces[state.taken]
                let count = min(buffer.count - filled, piece.count - state.offset)
                piece.withUnsafeBytes { bytes in
                    UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[state.offset..<state.offset + count]))
                }
                filled += count
                state.offset += count
                if state.offset == piece.count {
                    state.pieces[state.taken] = []
                    state.taken += 1
                    state.offset = 0
                }
            }
            if state.taken == state.pieces.count || state.taken >= 64 {
                state.pieces.removeFirst(state.taken)
                state.taken = 0
            }
            state.buffered -= filled
            let waiter = state.buffered <= bufferedBytesMax / 2 ? take(&state.waiter) : nil
            if filled > 0 { return (.bytes(filled), waiter) }
            if state.outcome != nil { return (.end, waiter) }
            state.isPaused = true
            return (.wait, waiter)
        }
        waiter?.resume()
        return portion
    }

    /// The exchange is over, whatever the producer still has.
    func close() {
        let waiter = state.withLock { state in
            state.isClosed = true
            state.pieces = []
            state.taken = 0
            state.buffered = 0
            return take(&state.waiter)
        }
        waiter?.resume()
    }
}

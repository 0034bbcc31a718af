internal import HTTPTypes
internal import Synchronization

/// Hands an answer from the loop's thread to the task that reads it, holding no more than a bound of bytes.
final class DownloadChannel: Sendable {
    private struct State {
        var head: CurlResponseHead?
        var pieces: [[UInt8]] = []
        var taken = 0
        var buffered = 0
        var isPaused = false
        var outcome: Result<Void, CurlError>?
        var headWaiter: CheckedContinuation<Result<CurlResponseHead, CurlError>, Never>?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let bufferedBytesMax: Int
    private let resume: @Sendable () -> Void

    /// - Parameter resume: asks the loop to go on receiving after a refused `offer`.
    init(bufferedBytesMax: Int, resume: @escaping @Sendable () -> Void) {
        self.bufferedBytesMax = bufferedBytesMax
        self.resume = resume
    }

    // MARK: The loop's side

    func start(_ head: CurlResponseHead) {
        let waiter = state.withLock { state in
            state.head = head
            return take(&state.headWaiter)
        }
        waiter?.resume(returning: .success(head))
    }

    /// Takes the bytes, or answers false: nothing was taken, offer them again after `resume`.
    func offer(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let (isAccepted, waiter) = state.withLock { state in
            guard state.buffered < bufferedBytesMax else {
                state.isPaused = true
                return (false, CheckedContinuation<Void, Never>?.none)
            }
            state.pieces.append(Array(bytes))
            state.buffered += bytes.count
            return (true, take(&state.waiter))
        }
        waiter?.resume()
        return isAccepted
    }

    func finish(_ outcome: Result<Void, CurlError>) {
        let (headWaiter, waiter) = state.withLock { state in
            state.outcome = outcome
            return (take(&state.headWaiter), take(&state.waiter))
        }
        headWaiter?.resume(returning: Self.missingHead(outcome))
        waiter?.resume()
    }

    // MARK: The reader's side

    func head() async throws(CurlError) -> CurlResponseHead {
        let result = await withCheckedContinuation { continuation in
            let known: Result<CurlResponseHead, CurlError>? = state.withLock { state in
                if let head = state.head { return .success(head) }
                if let outcome = state.outcome { return Self.missingHead(outcome) }
                state.headWaiter = continuation
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
        return try result.get()
    }

    func next() async throws(CurlError) -> [UInt8]? {
        while true {
            let (piece, outcome, shallResume) = state.withLock { state in
                let piece = Self.removeFirst(&state)
                let shallResume = state.isPaused && state.buffered <= bufferedBytesMax / 2
                if shallResume { state.isPaused = false }
                return (piece, state.outcome, shallResume)
            }
            if shallResume { resume() }
            if let piece { return piece }
            if let outcome {
                try outcome.get()
                return nil
            }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.taken < state.pieces.count || state.outcome != nil { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private static func removeFirst(_ state: inout State) -> [UInt8]? {
        guard state.taken < state.pieces.count else { return nil }
        let piece = state.pieces[state.taken]
        state.pieces[state.taken] = []
        state.taken += 1
        state.buffered -= piece.count
        if state.taken == state.pieces.count || state.taken == 64 {
            state.pieces.removeFirst(state.taken)
            state.taken = 0
        }
        return piece
    }

    private static func missingHead(_ outcome: Result<Void, CurlError>) -> Result<CurlResponseHead, CurlError> {
        switch outcome {
        case .success: .failure(CurlError(.connectionLost, "the answer has no head"))
        case .failure(let error): .failure(error)
        }
    }
}

/// Empties the variable and returns what it held.
func take<Value>(_ variable: inout Value?) -> Value? {
    let value = variable
    variable = nil
    return value
}

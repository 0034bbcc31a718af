package import Crypto
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Hashes passwords on threads of its own, because each takes a fifth of a second of one core and some 32 MiB.
///
/// A thread lives for one hash, so that a quiet server has none. A caller that is cancelled still waits for its hash.
package final class PasswordWorker: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private let cost: PasswordHash.Cost
    private let state = Mutex(State())

    /// Hashes computed at once.
    static let threadsMax = 2
    /// Callers that may wait; a further one is refused as `busy`.
    static let waitingMax = 32

    /// - Parameter cost: of new hashes; stored ones carry their own.
    package init(cost: PasswordHash.Cost = .standard) {
        self.cost = cost
    }

    /// The text to store for a password.
    package func hash(_ password: String) async throws(IdentityError) -> String {
        let cost = cost
        let result = try await run { () -> String? in
            do { return try PasswordHash(of: password, cost: cost).description } catch { return nil }
        }
        guard let result else { throw IdentityError(.crypto, "a password could not be hashed") }
        return result
    }

    /// Whether the password is the stored one's; throws `damaged` when the stored text is no hash.
    func matches(_ password: String, stored: String) async throws(IdentityError) -> Bool {
        let result = try await run { () -> Bool? in
            do { return try PasswordHash(parsing: stored).matches(password) } catch { return nil }
        }
        guard let result else { throw IdentityError(.damaged, "a stored password is no hash of this server") }
        return result
    }

    private func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws(IdentityError) -> Value {
        try await enter()
        defer { leave() }
        let result: Value? = await withCheckedContinuation { continuation in
            let isStarted = Self.startThread { continuation.resume(returning: work()) }
            if !isStarted { continuation.resume(returning: nil) }
        }
        guard let result else { throw IdentityError(.busy, "the system gives no thread to hash a password") }
        return result
    }

    private func enter() async throws(IdentityError) {
        let isAdmitted = await withCheckedContinuation { continuation in
            let isAdmittedNow: Bool? = state.withLock { state in
                if state.running < Self.threadsMax {
                    state.running += 1
                    return true
                }
                if state.waiting.count >= Self.waitingMax { return false }
                state.waiting.append(continuation)
                return nil
            }
            if let isAdmittedNow { continuation.resume(returning: isAdmittedNow) }
        }
        guard isAdmitted else { throw IdentityError(.busy, "too many logins wait for their password to be checked") }
    }

    private func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume(returning: true)
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
        let context = unsafe Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let status = unsafe pthread_create(&thread, nil, runWork, context.toOpaque())
        guard status == 0 else {
            unsafe context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    fileprivate static func perform(_ context: UnsafeMutableRawPointer) {
        unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
    }
}

/// The thread's main function; its argument is the retained work.
private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context { unsafe PasswordWorker.perform(context) }
    return nil
}

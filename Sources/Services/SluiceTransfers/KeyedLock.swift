internal import Synchronization

/// Lets one operation a key run at a time, in the order of arrival; the number of waiters is that of open requests.
final class KeyedLock: Sendable {
    private let waiters = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])

    func withLock<Result>(
        _ key: String, _ body: () async throws(TransferError) -> Result
    ) async throws(TransferError) -> Result {
        await acquire(key)
        defer { release(key) }
        return try await body()
    }

    private func acquire(_ key: String) async {
        await withCheckedContinuation { continuation in
            let isFree = waiters.withLock { waiters in
                guard waiters[key] == nil else {
                    waiters[key]?.append(continuation)
                    return false
                }
                waiters[key] = []
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    private func release(_ key: String) {
        let next: CheckedContinuation<Void, Never>? = waiters.withLock { waiters in
            guard let queue = waiters[key], !queue.isEmpty else {
                waiters[key] = nil
                return nil
            }
            return waiters[key]?.removeFirst()
        }
        next?.resume()
    }
}

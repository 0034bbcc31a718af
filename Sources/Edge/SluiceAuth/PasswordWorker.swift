package import Crypto
internal import SluiceCore

/// Hashes passwords on threads of its own, because each takes a fifth of a second of one core and some 32 MiB.
///
/// A caller that is cancelled still waits for its hash.
package final class PasswordWorker: Sendable {
    private let cost: PasswordHash.Cost
    private let threads = WorkerThreads(named: "password", count: threadsMax, waitingMax: waitingMax)

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
        guard let result = await threads.run(work) else {
            throw IdentityError(.busy, "too many logins wait for their password to be checked")
        }
        return result
    }
}

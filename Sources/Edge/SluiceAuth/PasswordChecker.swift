internal import Crypto
internal import SluiceCore
internal import Synchronization

/// Checks logins: cheap for a password that was right before, slow and bounded for all others.
final class PasswordChecker: Sendable {
    enum Verdict: Sendable, Hashable {
        case right
        case wrong
        /// Too many wrong passwords from that address; this one was not looked at.
        case blocked
        /// Too many logins at once.
        case busy
    }

    private let worker: PasswordWorker
    private let failures = FailureTable(limit: failuresMax)
    /// Codes of passwords that were right, by user, under a key that lives as long as the process. A code covers the
    /// stored hash too, so that a new password ends the old one's.
    private let verified = Mutex<[String: [UInt8]]>([:])
    private let key = SecureBytes.random(32)

    /// Wrong passwords from one address in a minute before new ones are refused unseen until the minute is over.
    static let failuresMax = 20
    /// Users whose password is remembered.
    private static let verifiedMax = IdentityLimits.users

    init(worker: PasswordWorker) {
        self.worker = worker
    }

    /// - Parameter user: nil for a name that nobody has, which costs as much as a wrong password.
    func check(_ password: String, of user: User?, from address: String, now: Timestamp) async -> Verdict {
        let code = user.map { user in
            HMAC.sha256(key: key, user.passwordHash + "\n" + password)
        }
        if let user, let code, let known = verified.withLock({ $0[user.id] }), SecureBytes.equal(known, code) {
            return .right
        }
        if failures.isBlocked(address, now: now) { return .blocked }
        guard password.utf8.count <= Self.passwordBytesMax else {
            failures.recordFailure(address, now: now)
            return .wrong
        }
        let isRight: Bool
        do throws(IdentityError) {
            if let user {
                isRight = try await worker.matches(password, stored: user.passwordHash)
            } else {
                _ = try await worker.hash(password)
                isRight = false
            }
        } catch {
            return error.code == .busy ? .busy : .wrong
        }
        guard isRight, let user, let code else {
            failures.recordFailure(address, now: now)
            return .wrong
        }
        verified.withLock { verified in
            if verified.count >= Self.verifiedMax, verified[user.id] == nil { verified.removeAll() }
            verified[user.id] = code
        }
        return .right
    }

    static let passwordBytesMax = 512
}

internal import CCrypto
internal import SluiceCore

/// A password as scrypt stores it (RFC 7914), its parameters in the text: `$scrypt$ln=15,r=8,p=3$SALT$HASH`.
///
/// Making and checking one takes some 32 MiB and a fifth of a second of one core: call from a thread that may block.
package struct PasswordHash: Sendable, Hashable, CustomStringConvertible {
    /// What a guess costs: memory 128 * 2^logarithm * blockSize bytes, time in proportion to `parallelism` too.
    package struct Cost: Sendable, Hashable {
        package let logarithm: Int
        package let blockSize: Int
        package let parallelism: Int

        /// Refuses what needs more than `memoryBytesMax` or a hundred times the default's work.
        package init(logarithm: Int, blockSize: Int, parallelism: Int) throws(CryptoError) {
            guard (1...20).contains(logarithm), (1...32).contains(blockSize), (1...16).contains(parallelism),
                128 << logarithm * blockSize <= Self.memoryBytesMax
            else { throw CryptoError(.refused, "scrypt parameters out of bounds") }
            self.logarithm = logarithm
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        private init(unchecked logarithm: Int, _ blockSize: Int, _ parallelism: Int) {
            self.logarithm = logarithm
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        package static let memoryBytesMax = 256 << 20
        /// One of the equivalent settings of the OWASP password storage guide.
        package static let standard = Cost(unchecked: 15, 8, 3)
        /// Fast and weak: for tests alone.
        package static let minimal = Cost(unchecked: 4, 8, 1)
    }

    package let cost: Cost
    private let salt: [UInt8]
    private let hash: [UInt8]

    private static let saltLength = 16
    private static let hashLength = 32

    /// Hashes with a fresh salt.
    package init(of password: String, cost: Cost = .standard) throws(CryptoError) {
        self.cost = cost
        salt = SecureBytes.random(Self.saltLength)
        hash = try Self.derive(password, salt, cost, length: Self.hashLength)
    }

    /// Reads the stored text; throws `malformed` or `refused`.
    package init(parsing text: some StringProtocol) throws(CryptoError) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        let malformed = CryptoError(.malformed, "not a scrypt password hash")
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let salt = Base64.decode(canonical: parts[3], .urlSafe),
            let hash = Base64.decode(canonical: parts[4], .urlSafe),
            (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { throw malformed }
        let numbers = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard numbers.count == 3, numbers[0].hasPrefix("ln="), numbers[1].hasPrefix("r="), numbers[2].hasPrefix("p="),
            let logarithm = Int(numbers[0].dropFirst(3)), let blockSize = Int(numbers[1].dropFirst(2)),
            let parallelism = Int(numbers[2].dropFirst(2))
        else { throw malformed }
        cost = try Cost(logarithm: logarithm, blockSize: blockSize, parallelism: parallelism)
        self.salt = salt
        self.hash = hash
    }

    /// Whether `password` is the one, compared in constant time.
    package func matches(_ password: String) throws(CryptoError) -> Bool {
        SecureBytes.equal(try Self.derive(password, salt, cost, length: hash.count), hash)
    }

    /// The text to store.
    package var description: String {
        "$scrypt$ln=\(cost.logarithm),r=\(cost.blockSize),p=\(cost.parallelism)"
            + "$\(Base64.encode(salt, .urlSafe))$\(Base64.encode(hash, .urlSafe))"
    }

    private static func derive(
        _ password: String, _ salt: [UInt8], _ cost: Cost, length: Int
    ) throws(CryptoError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: length)
        let password = Array(password.utf8)
        let done = password.withUnsafeBytes { password in
            EVP_PBE_scrypt(
                password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count,
                1 << UInt64(cost.logarithm), UInt64(cost.blockSize), UInt64(cost.parallelism),
                UInt64(Cost.memoryBytesMax + (1 << 20)), &output, length)
        }
        guard done == 1 else { throw CryptoError(.refused, "libcrypto refused to hash a password") }
        return output
    }
}

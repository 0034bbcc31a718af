/// What reading one delivered object again has shown.
package struct Verification: Sendable, Hashable {
    package enum State: String, Sendable, Hashable {
        case ok = "OK"
        /// The destination does not have it any more.
        case missing = "MISSING"
        /// Its bytes are not those that were delivered.
        case differs = "DIFFERS"
        /// The destination, or the delivery's settings, could not be read; nothing is known of the object.
        case unreadable = "UNREADABLE"
    }

    package let delivery: Delivery
    /// The numbers in the object: gap, length, gap, length, …, the first gap counted from the first number; nil when
    /// all numbers of the range are.
    package let runs: [Int]?
    package let state: State
    /// Whether the stream still had the records, so that they were encoded again and compared; otherwise the object was
    /// compared with the ledger alone.
    package let isComparedWithStream: Bool
    /// What is wrong, or why the stream could not be asked; empty otherwise.
    package let message: String
}

/// Some verifications, by partition and number.
package struct VerificationPage: Sendable, Hashable {
    package let verifications: [Verification]
    /// Where to go on; nil at the end of the ledger.
    package let next: String?
}

package import SluiceCore

/// An object in a task's bucket that has the form of the task's names, and that its ledger does not know.
package struct Stranger: Sendable, Hashable {
    package let object: String
    package let partition: PartitionNumber
    package let bytes: Int
    package let modifiedAt: Timestamp
}

/// Some strangers, in the order in which the buckets are listed.
package struct StrangerPage: Sendable, Hashable {
    package var strangers: [Stranger]
    /// Where to go on; nil at the end.
    package var next: String?
    /// Why a bucket could not be listed; empty otherwise.
    package var message: String

    package init(strangers: [Stranger] = [], next: String? = nil, message: String = "") {
        self.strangers = strangers
        self.next = next
        self.message = message
    }
}

// Bodies of Sluice's own verification of delivered objects.

package struct VerificationAnswer: Encodable, Sendable {
    package var object: String
    package var partition_id: String
    package var first_sequence_number: String
    package var last_sequence_number: String
    package var records: Int
    package var bytes: Int
    package var checksum: String
    /// Gap, length, gap, length, …; absent when the object holds all numbers of its range.
    package var runs: [Int]?
    package var state: String
    package var compared_with_stream: Bool
    /// Absent when there is nothing to say.
    package var message: String?

    package init(
        delivery: DeliveryAnswer, runs: [Int]?, state: String, compared_with_stream: Bool, message: String?
    ) {
        object = delivery.object
        partition_id = delivery.partition_id
        first_sequence_number = delivery.first_sequence_number
        last_sequence_number = delivery.last_sequence_number
        records = delivery.records
        bytes = delivery.bytes
        checksum = delivery.checksum
        self.runs = runs
        self.state = state
        self.compared_with_stream = compared_with_stream
        self.message = message
    }
}

package struct VerificationsAnswer: Encodable, Sendable {
    package var verifications: [VerificationAnswer]
    /// Objects that the ledger does not know; absent unless they were asked for.
    package var strangers: [StrangerAnswer]?
    /// Where to go on; absent at the end.
    package var next: String?
    /// Why a bucket could not be listed; absent otherwise.
    package var message: String?

    package init(
        verifications: [VerificationAnswer], strangers: [StrangerAnswer]? = nil, next: String?, message: String? = nil
    ) {
        self.verifications = verifications
        self.strangers = strangers
        self.next = next
        self.message = message
    }
}

package struct StrangerAnswer: Encodable, Sendable {
    package var object: String
    package var partition_id: String
    package var bytes: Int
    /// Milliseconds since 1970.
    package var modified_at: Int64

    package init(object: String, partition_id: String, bytes: Int, modified_at: Int64) {
        self.object = object
        self.partition_id = partition_id
        self.bytes = bytes
        self.modified_at = modified_at
    }
}

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
    /// Where to go on; absent at the end.
    package var next: String?

    package init(verifications: [VerificationAnswer], next: String?) {
        self.verifications = verifications
        self.next = next
    }
}

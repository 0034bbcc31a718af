// Bodies of the operations on parked records.

package struct ParkedRecordAnswer: Encodable, Sendable {
    package var partition_id: String
    package var sequence_number: String
    /// Why it was refused the last time.
    package var cause: String
    package var attempts: Int
    /// In Base64; absent where it was not asked for.
    package var data: String?
    package var timestamp: Int64
    package var parked_at: Int64
    package var last_attempt_at: Int64
    package var partition_key: String?
    /// The object of the error directory that holds it too.
    package var error_object: String
    /// True when it will be replayed as soon as the task works; absent otherwise.
    package var replay_pending: Bool?

    package init(
        partition_id: String, sequence_number: String, cause: String, attempts: Int, data: String?, timestamp: Int64,
        parked_at: Int64, last_attempt_at: Int64, partition_key: String?, error_object: String, replay_pending: Bool?
    ) {
        self.partition_id = partition_id
        self.sequence_number = sequence_number
        self.cause = cause
        self.attempts = attempts
        self.data = data
        self.timestamp = timestamp
        self.parked_at = parked_at
        self.last_attempt_at = last_attempt_at
        self.partition_key = partition_key
        self.error_object = error_object
        self.replay_pending = replay_pending
    }
}

/// GET `…/transfer-tasks/{task}/parked-records`.
package struct ParkedRecordsAnswer: Encodable, Sendable {
    /// On all pages together.
    package var total_number: Int
    package var parked_records: [ParkedRecordAnswer]
    /// Where the next page begins; absent on the last one.
    package var next: String?

    package init(total_number: Int, parked_records: [ParkedRecordAnswer], next: String?) {
        self.total_number = total_number
        self.parked_records = parked_records
        self.next = next
    }
}

/// POST `…/transfer-tasks/{task}/parked-records/action`.
package struct ParkedRecordsActionBody: Decodable, Sendable {
    /// Unknown members are errors: a misspelt condition must not mean all records.
    package struct Filter: Decodable, Sendable {
        package let partition_id: LenientString?
        package let sequence_numbers: [LenientString]?
        package let from_sequence_number: LenientString?
        package let to_sequence_number: LenientString?
        package let cause: LenientString?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case partition_id, sequence_numbers, from_sequence_number, to_sequence_number, cause
        }

        private struct AnyName: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        package init(from decoder: any Decoder) throws {
            for name in try decoder.container(keyedBy: AnyName.self).allKeys
            where CodingKeys(rawValue: name.stringValue) == nil {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath + [name], debugDescription: "is not known"))
            }
            let members = try decoder.container(keyedBy: CodingKeys.self)
            partition_id = try members.decodeIfPresent(LenientString.self, forKey: .partition_id)
            sequence_numbers = try members.decodeIfPresent([LenientString].self, forKey: .sequence_numbers)
            from_sequence_number = try members.decodeIfPresent(LenientString.self, forKey: .from_sequence_number)
            to_sequence_number = try members.decodeIfPresent(LenientString.self, forKey: .to_sequence_number)
            cause = try members.decodeIfPresent(LenientString.self, forKey: .cause)
        }
    }

    package let action: LenientString?
    package let filter: Filter?
}

package struct ParkedRecordsActionAnswer: Encodable, Sendable {
    /// How many records the action has met.
    package var total_number: Int

    package init(total_number: Int) {
        self.total_number = total_number
    }
}

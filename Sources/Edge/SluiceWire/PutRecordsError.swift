/// Why a PutRecords body is refused as a whole (spec sections 2.0, 2.4.1 and 3.8); nothing of it was taken.
package struct PutRecordsError: Error, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Not one JSON text in UTF-8: 400 DIS.4300.
        case invalidJSON
        /// Not a protobuf message, or text in it that is not UTF-8: 400 DIS.4300.
        case invalidProtobuf
        /// JSON of a wrong type: 400 DIS.4200. So are all that follow but the last.
        case wrongType
        case noRecords
        case tooManyRecords
        case missingData
        case invalidBase64
        case recordTooLarge
        case partitionKeyTooLong
        /// More record data in all than a request may hold: 413.
        case requestTooLarge
    }

    package let code: Code
    /// What stands in square brackets behind the code's text.
    package let detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { "\(code): \(detail)" }
}

/// How much one PutRecords request may hold (spec section 1.2).
package struct PutRecordsLimits: Sendable, Hashable {
    /// 1 and more, 10,000 by default.
    package var records: Int
    /// Bytes of one record's data once decoded: 1 MiB by default.
    package var recordBytes: Int
    /// Bytes of all data once decoded: 5 MiB by default.
    package var totalBytes: Int
    /// Characters of a partition key: 256 by default, at most 16,383.
    package var keyCharacters: Int

    package init(records: Int = 10_000, recordBytes: Int = 1 << 20, totalBytes: Int = 5 << 20, keyCharacters: Int = 256)
    {
        precondition(records > 0 && records <= Int(UInt32.max) && recordBytes <= Int(UInt32.max))
        precondition(keyCharacters * 4 <= Int(UInt16.max))
        self.records = records
        self.recordBytes = recordBytes
        self.totalBytes = totalBytes
        self.keyCharacters = keyCharacters
    }
}

internal import CKernels
package import HTTPTypes
package import SluiceCore

/// The body of PutRecords, scanned in one pass: flat entries that point into the body, which is kept (spec sections
/// 2.4.1 and 3.8).
///
/// JSON: members in any order, unknown ones ignored, names case-sensitive, null is absent, of a member that comes twice
/// the last counts, numbers are taken for the partition, the hash and the timestamp. Every byte must be JSON in UTF-8,
/// also where it is ignored; nesting is bounded to 512.
package struct PutRecordsRequest: Sendable {
    let body: HTTPBody
    /// Strings whose escapes had to be resolved.
    let resolved: [UInt8]
    let entries: [sluice_put_entry]
    let isBase64: Bool
    /// Nil when absent or empty.
    package let streamName: String?
    /// Nil when absent or empty.
    package let streamID: String?
    /// Bytes of all records' data.
    package let dataBytes: ByteCount

    /// The number of records; 1 and more.
    package var count: Int { entries.count }

    /// Scans a JSON body; the data itself is decoded later, by `distribute`.
    package init(json body: HTTPBody, limits: PutRecordsLimits = PutRecordsLimits()) throws(PutRecordsError) {
        try self.init(body, isBase64: true, limits: limits)
    }

    /// Scans a protobuf body.
    package init(protobuf body: HTTPBody, limits: PutRecordsLimits = PutRecordsLimits()) throws(PutRecordsError) {
        try self.init(body, isBase64: false, limits: limits)
    }

    private init(_ body: HTTPBody, isBase64: Bool, limits: PutRecordsLimits) throws(PutRecordsError) {
        guard body.count <= Int(Int32.max) else {
            throw PutRecordsError(.requestTooLarge, "request size exceeds \(limits.totalBytes)")
        }
        var scanner = PutRecordsScanner(limits: limits, isBase64: isBase64)
        let scanned = try unsafe body.withUnsafeBytes { unsafe scanner.scan($0) }.get()
        self.body = body
        self.isBase64 = isBase64
        entries = scanner.entries
        resolved = scanner.resolved
        streamName = scanned.streamName
        streamID = scanned.streamID
        dataBytes = ByteCount(scanned.dataBytes)
    }
}

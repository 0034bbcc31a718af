internal import CKernels

/// Runs the C scanners over a body: entries grow as they are needed, then escapes are resolved and sizes checked.
struct PutRecordsScanner {
    struct Outcome {
        let streamName: String?
        let streamID: String?
        let dataBytes: Int
    }

    let limits: PutRecordsLimits
    let isBase64: Bool
    private(set) var entries: [sluice_put_entry] = []
    private(set) var resolved: [UInt8] = []

    init(limits: PutRecordsLimits, isBase64: Bool) {
        self.limits = limits
        self.isBase64 = isBase64
    }

    mutating func scan(_ body: UnsafeRawBufferPointer) -> Result<Outcome, PutRecordsError> {
        // The C side never gets a null pointer, an empty body included.
        var nothing: UInt8 = 0
        return unsafe withUnsafeMutablePointer(to: &nothing) { nothing in
            let base = unsafe body.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(nothing)
            return Result { () throws(PutRecordsError) in unsafe try scan(base, body.count) }
        }
    }

    private mutating func scan(_ body: UnsafePointer<UInt8>, _ length: Int) throws(PutRecordsError) -> Outcome {
        var state = unsafe try scanned(body, length)
        unsafe try check(state)
        entries.removeLast(entries.count - Int(unsafe state.count))
        if unsafe state.escaped_bytes > 0 { unsafe resolveEscapes(&state) }
        let total = unsafe try checkSizes(&state)
        return unsafe Outcome(
            streamName: text(state.stream_name, SLUICE_MEMBER_STREAM_NAME, state),
            streamID: text(state.stream_id, SLUICE_MEMBER_STREAM_ID, state), dataBytes: total)
    }

    /// Goes over the body once, stopping only to make room for more entries.
    private mutating func scanned(
        _ body: UnsafePointer<UInt8>, _ length: Int
    ) throws(PutRecordsError) -> sluice_put_scan {
        // Records of about 1 KB are the usual ones; more room is made by doubling.
        entries.append(contentsOf: repeatElement(sluice_put_entry(), count: min(limits.records, 2 + length / 1024)))
        var state: sluice_put_scan?
        while true {
            let capacity = entries.count
            let outcome = unsafe entries.withUnsafeMutableBufferPointer { buffer -> Int32 in
                guard let first = buffer.baseAddress else { return Int32(SLUICE_SCAN_INVALID) }
                var current =
                    unsafe state
                    ?? sluice_put_scan(
                        body: body, length: length, entries: first, capacity: 0, limit: UInt32(limits.records),
                        count: 0,
                        phase: 0, position: 0, stream_name: sluice_span(), stream_id: sluice_span(), present: 0,
                        escaped: 0, wrong: 0, records_wrong: 0, no_object: 0, escaped_bytes: 0)
                unsafe current.entries = first
                unsafe current.capacity = UInt32(capacity)
                let outcome =
                    unsafe isBase64
                    ? sluice_scan_put_records_json(&current) : sluice_scan_put_records_protobuf(&current)
                unsafe state = current
                return outcome
            }
            switch (Int(outcome), unsafe state) {
            case (SLUICE_SCAN_DONE, let state?): return unsafe state
            case (SLUICE_SCAN_GROW, _):
                let more = min(limits.records - capacity, capacity)
                entries.append(contentsOf: repeatElement(sluice_put_entry(), count: more))
            default:
                throw isBase64
                    ? PutRecordsError(.invalidJSON, "Invalid JSON body.")
                    : PutRecordsError(.invalidProtobuf, "Invalid protobuf body.")
            }
        }
    }

    /// Types and numbers of records.
    private func check(_ state: sluice_put_scan) throws(PutRecordsError) {
        if unsafe state.no_object != 0 {
            throw PutRecordsError(.wrongType, "Invalid JSON body, an object is expected.")
        }
        if unsafe state.wrong != 0 {
            throw PutRecordsError(.wrongType, "Invalid \(Self.name(ofMembers: unsafe state.wrong)).")
        }
        let count = Int(unsafe state.count)
        guard count > 0 else { throw PutRecordsError(.noRecords, "records can not be empty") }
        guard count <= limits.records else {
            throw PutRecordsError(.tooManyRecords, "number of records exceeds \(limits.records)")
        }
        if unsafe state.records_wrong != 0,
            let index = entries[..<count].firstIndex(where: { $0.wrong != 0 })
        {
            throw PutRecordsError(
                .wrongType, "Invalid \(Self.name(ofMembers: entries[index].wrong)) of record \(index).")
        }
    }

    /// The first member whose bit is set, as it is written on the wire.
    private static func name(ofMembers bits: UInt16) -> String {
        let names: [(Int, String)] = [
            (SLUICE_MEMBER_STREAM_NAME, "stream_name"), (SLUICE_MEMBER_STREAM_ID, "stream_id"),
            (SLUICE_MEMBER_RECORDS, "records"), (SLUICE_MEMBER_RECORD, "type"), (SLUICE_MEMBER_DATA, "data"),
            (SLUICE_MEMBER_PARTITION_KEY, "partition_key"),
            (SLUICE_MEMBER_EXPLICIT_HASH_KEY, "explicit_hash_key"), (SLUICE_MEMBER_PARTITION_ID, "partition_id"),
            (SLUICE_MEMBER_TIMESTAMP, "timestamp"),
        ]
        return names.first { Int(bits) & $0.0 != 0 }?.1 ?? "member"
    }

    private mutating func resolveEscapes(_ state: inout sluice_put_scan) {
        var changed = unsafe state
        unsafe entries.withUnsafeMutableBufferPointer { buffer in
            guard let first = buffer.baseAddress else { return }
            unsafe changed.entries = first
            // As many bytes as the texts have with their escapes: all of them written or zero.
            resolved = Array(repeating: 0, count: unsafe changed.escaped_bytes)
            unsafe resolved.withUnsafeMutableBufferPointer { target in
                if let start = target.baseAddress { unsafe sluice_resolve_escapes(&changed, start) }
            }
        }
        unsafe state = changed
    }

    private mutating func checkSizes(_ state: inout sluice_put_scan) throws(PutRecordsError) -> Int {
        var total: UInt64 = 0
        var index: UInt32 = 0
        var changed = unsafe state
        let outcome = unsafe entries.withUnsafeMutableBufferPointer { buffer -> Int in
            guard let first = buffer.baseAddress else { return SLUICE_SIZE_FITS }
            unsafe changed.entries = first
            return unsafe resolved.withUnsafeBufferPointer { resolved in
                Int(
                    unsafe sluice_size_entries(
                        &changed, resolved.baseAddress ?? changed.body, isBase64 ? 1 : 0, UInt32(limits.recordBytes),
                        UInt32(limits.keyCharacters), UInt64(limits.totalBytes), &total, &index))
            }
        }
        switch outcome {
        case SLUICE_SIZE_FITS: return Int(total)
        case SLUICE_SIZE_NO_DATA: throw PutRecordsError(.missingData, "data of record \(index) is missing")
        case SLUICE_SIZE_NOT_BASE64: throw .invalidBase64(ofRecord: Int(index))
        case SLUICE_SIZE_RECORD:
            throw PutRecordsError(.recordTooLarge, "record size exceeds \(limits.recordBytes)")
        case SLUICE_SIZE_KEY:
            throw PutRecordsError(
                .partitionKeyTooLong, "partition_key of record \(index) exceeds \(limits.keyCharacters) characters")
        default: throw PutRecordsError(.requestTooLarge, "request size exceeds \(limits.totalBytes)")
        }
    }

    /// A name of the request; nil when absent or empty.
    private func text(_ span: sluice_span, _ member: Int, _ state: sluice_put_scan) -> String? {
        guard unsafe Int(state.present) & member != 0, span.length > 0 else { return nil }
        if unsafe Int(state.escaped) & member != 0 {
            return String(decoding: resolved[Int(span.offset)..<Int(span.offset + span.length)], as: UTF8.self)
        }
        let bytes = unsafe UnsafeBufferPointer(start: state.body + Int(span.offset), count: Int(span.length))
        return unsafe String(decoding: bytes, as: UTF8.self)
    }
}

extension PutRecordsError {
    static func invalidBase64(ofRecord index: Int) -> PutRecordsError {
        PutRecordsError(.invalidBase64, "data of record \(index) is not Base64")
    }
}

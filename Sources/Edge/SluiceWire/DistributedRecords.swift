internal import CKernels
internal import HTTPTypes
package import SluiceCore
package import SluicePorts

/// Why one record of a request is refused while others may be taken (spec section 2.4.1).
package struct RecordRefusal: Error, Sendable, Hashable {
    /// The service's code, for example `DIS.4302`.
    package let code: String
    package let message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// Where a record goes.
package enum PartitionChoice: Sendable, Hashable {
    /// The caller's own number of a partition, 0 and more.
    case slot(Int)
    case refused(RecordRefusal)
}

/// The records of a request, encoded for the log partition by partition.
package struct DistributedRecords: Sendable {
    /// The records of one slot in the order of the request.
    package struct SlotBatch: Sendable {
        package let slot: Int
        package let batch: RecordBatch
    }

    /// One for each slot that got a record, in the order of the slots.
    package let batches: [SlotBatch]
    /// For each record of the request: 0 and more the index of its batch, below that the refusal `-1 - index`.
    let places: [Int32]
    package let refusals: [RecordRefusal]
    /// How many records the request holds, refused ones included.
    package var count: Int { places.count }
    let slotCount: Int
}

extension PutRecordsRequest {
    /// How record `index` says where it goes.
    package func selector(at index: Int) -> PartitionSelector {
        unsafe withSources { body, resolved in
            let hash = unsafe hashes(of: entries[index...index], body, resolved)[0]
            return unsafe Self.selector(entries[index], body, resolved, hash: hash)
        }
    }

    /// Asks for each record's slot, then writes the records of each slot into one batch: the data is decoded or copied
    /// once, from the body into its place in the batch.
    ///
    /// - Parameters:
    ///   - slotCount: slots are 0 ..< `slotCount`.
    ///   - now: the timestamp of records that bring none above 0.
    ///   - choose: called once a record, in order.
    /// - Throws: `invalidBase64`; nothing is left of the batches then.
    package func distribute(
        over slotCount: Int, at now: Timestamp, choosing choose: (PartitionSelector) -> PartitionChoice
    ) throws(PutRecordsError) -> DistributedRecords {
        var places: [Int32] = []
        places.reserveCapacity(entries.count)
        var refusals: [RecordRefusal] = []
        var slots: [SlotShare] = []
        slots.append(contentsOf: repeatElement(SlotShare(), count: slotCount))
        unsafe withSources { body, resolved in
            let hashes = unsafe hashes(of: entries[...], body, resolved)
            for index in entries.indices {
                let entry = entries[index]
                switch choose(unsafe Self.selector(entry, body, resolved, hash: hashes[index])) {
                case .slot(let slot):
                    places.append(Int32(slot))
                    slots[slot].records += 1
                    slots[slot].bytes += Int(SLUICE_RECORD_HEADER) + Int(entry.keyLength) + Int(entry.data_size)
                case .refused(let refusal):
                    refusals.append(refusal)
                    places.append(Int32(-refusals.count))
                }
            }
        }

        // Slots with records get consecutive batches, and each of them a part of `order`.
        var batchCount: Int32 = 0
        var start = 0
        for slot in slots.indices where slots[slot].records > 0 {
            slots[slot].batch = batchCount
            slots[slot].next = start
            batchCount += 1
            start += slots[slot].records
        }
        var order: [UInt32] = []
        order.append(contentsOf: repeatElement(0, count: start))
        for index in places.indices where places[index] >= 0 {
            let slot = Int(places[index])
            order[slots[slot].next] = UInt32(index)
            slots[slot].next += 1
            places[index] = slots[slot].batch
        }

        var batches: [DistributedRecords.SlotBatch] = []
        batches.reserveCapacity(Int(batchCount))
        for (slot, share) in slots.enumerated() where share.records > 0 {
            let range = share.next - share.records..<share.next
            batches.append(.init(slot: slot, batch: try encode(order[range], bytes: share.bytes, at: now)))
        }
        return DistributedRecords(batches: batches, places: places, refusals: refusals, slotCount: slotCount)
    }

    /// What one slot gets of a request.
    private struct SlotShare {
        var records = 0
        /// Of its batch.
        var bytes = 0
        /// The number of its batch.
        var batch: Int32 = 0
        /// Where the index of its next record goes in the order of writing.
        var next = 0
    }

    private func encode(
        _ order: ArraySlice<UInt32>, bytes size: Int, at now: Timestamp
    ) throws(PutRecordsError) -> RecordBatch {
        var failed: Int64 = -1
        var earliest: Int64 = 0
        var latest: Int64 = 0
        var bytes: [UInt8] = []
        unsafe bytes.append(atMost: size) { target in
            unsafe withSources { body, resolved in
                unsafe entries.withUnsafeBufferPointer { entries in
                    unsafe order.withUnsafeBufferPointer { order in
                        guard let first = entries.baseAddress, let indices = order.baseAddress else { return }
                        failed = unsafe sluice_encode_records(
                            target, body, resolved, first, indices, UInt32(order.count), isBase64 ? 1 : 0,
                            now.milliseconds, &earliest, &latest)
                    }
                }
            }
            return failed < 0 ? size : 0
        }
        guard failed < 0 else { throw .invalidBase64(ofRecord: Int(order[order.startIndex + Int(failed)])) }
        return RecordBatch(
            bytes: bytes, count: order.count,
            timestamps: Timestamp(milliseconds: earliest)...Timestamp(milliseconds: latest), received: now)
    }

    /// Lends the body and the resolved strings, neither of them null.
    private func withSources<Result>(
        _ read: (UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> Result
    ) -> Result {
        var nothing: UInt8 = 0
        return unsafe withUnsafeMutablePointer(to: &nothing) { nothing in
            unsafe body.withUnsafeBytes { body in
                unsafe resolved.withUnsafeBufferPointer { resolved in
                    unsafe read(
                        body.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(nothing),
                        resolved.baseAddress ?? UnsafePointer(nothing))
                }
            }
        }
    }

    /// The points of the keys of those that are routed by key, hashed several at a time.
    private func hashes(
        of entries: ArraySlice<sluice_put_entry>, _ body: UnsafePointer<UInt8>, _ resolved: UnsafePointer<UInt8>
    ) -> [UInt64] {
        var hashes: [UInt64] = []
        hashes.append(contentsOf: repeatElement(0, count: entries.count))
        unsafe hashes.withUnsafeMutableBufferPointer { hashes in
            unsafe entries.withUnsafeBufferPointer { entries in
                guard let target = hashes.baseAddress, let first = entries.baseAddress else { return }
                unsafe sluice_hash_keys(first, UInt32(entries.count), body, resolved, target)
            }
        }
        return hashes
    }

    private static func selector(
        _ entry: sluice_put_entry, _ body: UnsafePointer<UInt8>, _ resolved: UnsafePointer<UInt8>, hash: UInt64
    ) -> PartitionSelector {
        func bytes(_ span: sluice_span, _ member: Int) -> UnsafeRawBufferPointer? {
            guard Int(entry.present) & member != 0, span.length > 0 else { return nil }
            let source = unsafe Int(entry.escaped) & member != 0 ? resolved : body
            return unsafe UnsafeRawBufferPointer(start: source + Int(span.offset), count: Int(span.length))
        }
        if let text = unsafe bytes(entry.partition_id, SLUICE_MEMBER_PARTITION_ID) {
            guard let number = unsafe PartitionNumber(parsing: text) else {
                return .malformedPartition(unsafe excerpt(text))
            }
            return .partition(number)
        }
        if let text = unsafe bytes(entry.explicit_hash_key, SLUICE_MEMBER_EXPLICIT_HASH_KEY) {
            guard let base = text.baseAddress else { return .any }
            let point = unsafe sluice_parse_decimal(base.assumingMemoryBound(to: UInt8.self), text.count)
            return point >= 0 ? .hash(UInt64(point)) : .malformedHash(unsafe excerpt(text))
        }
        if unsafe bytes(entry.partition_key, SLUICE_MEMBER_PARTITION_KEY) != nil {
            return .hash(hash & PartitionHash.max)
        }
        return .any
    }

    private static func excerpt(_ text: UnsafeRawBufferPointer) -> String {
        String(unsafe String(decoding: text.prefix(256), as: UTF8.self).prefix(64))
    }
}

extension sluice_put_entry {
    /// Bytes of the partition key; 0 when none is given.
    fileprivate var keyLength: UInt32 {
        Int(present) & SLUICE_MEMBER_PARTITION_KEY != 0 ? partition_key.length : 0
    }
}

extension PartitionNumber {
    /// As `init(parsing:)` for text, from bytes.
    fileprivate init?(parsing text: UnsafeRawBufferPointer) {
        let prefix = Array("shardId-".utf8)
        let named = unsafe text.count > prefix.count && text.prefix(prefix.count).elementsEqual(prefix)
        let digits = unsafe UnsafeRawBufferPointer(rebasing: text[(named ? prefix.count : 0)...])
        guard digits.count <= 10, let base = unsafe digits.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            return nil
        }
        let value = unsafe sluice_parse_decimal(base, digits.count)
        guard value >= 0, value <= Int64(Int32.max) else { return nil }
        self.init(Int(value))
    }
}

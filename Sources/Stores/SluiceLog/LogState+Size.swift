internal import SluiceCore
internal import SluicePorts

extension LogState {
    /// What the records from `start` on take: exact to a batch in segments whose batches' places are in memory, and
    /// elsewhere as if all records of a segment were equally long.
    func size(of partition: PartitionID, from start: SequenceNumber) throws(RecordLogError) -> ByteCount {
        let slot = try slot(partition)
        let position = max(start.value, slot.first)
        var bytes = 0
        for segment in segments.reversed() {
            guard let range = segment.range(of: slot.handle) else { continue }
            guard range.next > position else { break }
            if let run = segment.runs?[slot.handle] {
                bytes += run.size(from: position)
            } else {
                let records = Double(range.next - max(position, range.first))
                bytes += Int(records * segment.bytesPerRecord)
            }
        }
        return ByteCount(bytes)
    }
}

extension LogState.Segment {
    /// The mean over all partitions of a sealed segment.
    var bytesPerRecord: Double {
        if let knownBytesPerRecord { return knownBytesPerRecord }
        guard let index else { return 0 }
        let records = index.summaries.reduce(0) { $0 + ($1.next - $1.first) }
        let batches = index.summaries.reduce(0) { $0 + Int($1.entryCount) }
        let payload = max(0, end - SegmentHeader.size - batches * BatchHeader.size)
        let mean = records > 0 ? Double(payload) / Double(records) : 0
        knownBytesPerRecord = mean
        return mean
    }
}

extension PartitionRun {
    /// Bytes of the records at and above a number; a batch that begins below it counts by its share of records.
    func size(from position: Int64) -> Int {
        guard position > first else { return bytes }
        guard position < next, let index = entries.index(holding: position - first) else { return 0 }
        let entry = entries[index]
        let wanted = Int(first + Int64(entry.firstDelta)) + Int(entry.count) - Int(position)
        let part = Int(entry.length) * wanted / max(1, Int(entry.count))
        // The shorter side is added up: a reader is near the end, or far from it.
        if index < entries.count / 2 {
            return part + bytes - entries[...index].reduce(0) { $0 + Int($1.length) }
        }
        return part + entries[(index + 1)...].reduce(0) { $0 + Int($1.length) }
    }
}

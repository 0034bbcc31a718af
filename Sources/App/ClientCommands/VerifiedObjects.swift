internal import SluiceCore
internal import Terminal

/// One page of what the server found when it read objects again.
struct VerifiedObjects: Decodable {
    struct Entry: Decodable {
        var object: String
        var partitionId: String
        var firstSequenceNumber: WireNumber
        var lastSequenceNumber: WireNumber
        var records: Int
        var bytes: Int
        var checksum: String?
        /// Gap, length, gap, length, …; absent when the object holds all numbers of its range.
        var runs: [Int64]?
        var state: String
        var comparedWithStream: Bool
        var message: String?

        /// The numbers in the object; nil when the entry contradicts itself.
        var numbers: [ClosedRange<Int64>]? {
            let (first, last) = (firstSequenceNumber.value, lastSequenceNumber.value)
            guard first >= 0, last >= first, last < .max else { return nil }
            guard let runs else { return Int64(records) == last - first + 1 ? [first...last] : nil }
            guard runs.count.isMultiple(of: 2) else { return nil }
            var found: [ClosedRange<Int64>] = []
            var position = first
            for index in stride(from: 0, to: runs.count, by: 2) {
                let (gap, length) = (runs[index], runs[index + 1])
                guard gap >= 0, length > 0, gap <= last - position, length <= last - position - gap + 1 else {
                    return nil
                }
                found.append(position + gap...position + gap + length - 1)
                position += gap + length
            }
            // The last numbers of a range may be parked.
            return found.numberCount == Int64(records) ? found : nil
        }
    }

    /// An object that the ledger does not know.
    struct Stranger: Decodable {
        var object: String
        var partitionId: String
    }

    var verifications: [Entry]
    /// Absent where a server does not look for them.
    var strangers: [Stranger]?
    var next: String?
    /// Why a bucket could not be listed.
    var message: String?
}

/// One page of parked records, without what is in them.
struct ParkedPositions: Decodable {
    struct Record: Decodable {
        var partitionId: String
        var sequenceNumber: WireNumber
    }

    var parkedRecords: [Record]
    var next: String?
}

extension ServiceClient {
    /// The next objects that the server has read again, or those that the ledger does not know, and where to go on.
    func verification(
        _ stream: String, _ task: String, partition: String?, strangers: Bool = false, after next: String?
    ) async throws -> VerifiedObjects {
        let filter =
            [("limit", "1000")] + (partition.map { [("partition_id", $0)] } ?? [])
            + (strangers ? [("strangers", "true")] : [])
        return try await get(
            tasksPath(stream, task, "verification"), query: filter + (next.map { [("next", $0)] } ?? []))
    }

    /// The numbers of parked records by partition, ascending.
    func parkedNumbers(_ stream: String, _ task: String, partition: String?) async throws -> [String: [Int64]] {
        let filter = [("limit", "1000"), ("data", "false")] + (partition.map { [("partition_id", $0)] } ?? [])
        var numbers: [String: [Int64]] = [:]
        var next: String?
        repeat {
            let page: ParkedPositions = try await get(
                tasksPath(stream, task, "parked-records"), query: filter + (next.map { [("next", $0)] } ?? []))
            for record in page.parkedRecords {
                numbers[record.partitionId, default: []].append(record.sequenceNumber.value)
            }
            next = page.parkedRecords.isEmpty || page.next == next ? nil : page.next
        } while next != nil
        return numbers.mapValues { $0.sorted() }
    }
}

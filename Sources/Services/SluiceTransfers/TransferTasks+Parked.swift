internal import SluiceCatalog
package import SluiceCore

extension TransferTasks {
    /// Parked records of a task by partition and number, at most `limit` (1 to 1000) a page and about
    /// `parkedPageBytes` of data; `after` is a page's `next`. Without data they are empty.
    package func parkedRecords(
        of name: String, on reference: String, in project: ProjectID, filter: ParkedFilter = ParkedFilter(),
        after: String? = nil, withData: Bool = true, limit: Int = 100
    ) async throws(TransferError) -> ParkedPage {
        let stream = try await stream(reference, in: project)
        let id = try await resolve(name, on: stream)
        let start = try after.map { token throws(TransferError) in try Self.parkedPosition(token) }
        do {
            let total = try await parkedCount(id, filter)
            var records: [ParkedRecord] = []
            var bytes = 0
            var next: String?
            try await forEachParked(id, filter, after: start) { partition, found in
                let first = found.first?.number ?? 0
                let marked = try await services.store.marked(id, partition, from: first, limit: Self.parkedScanSize)
                for (number, stored) in found {
                    let size = withData ? stored.record.bytes : 0
                    if records.count == limit || (bytes > 0 && bytes + size > Self.parkedPageBytes) {
                        next = records.last.map { Self.parkedToken($0.partition, $0.number.value) }
                        return false
                    }
                    var data: [UInt8] = []
                    if withData {
                        guard let found = try await services.store.parkedData(id, partition, number) else { continue }
                        data = found
                    }
                    bytes += size
                    records.append(
                        ParkedRecord(
                            partition, number, stored.record, data: data, isReplayPending: marked[number] != nil))
                }
                return true
            }
            return ParkedPage(total: total, records: records, next: next)
        } catch let error as CatalogError {
            throw TransferError(error)
        } catch let error as TransferError {
            throw error
        } catch {
            throw TransferError(.unavailable, "\(error)")
        }
    }

    /// Data of a page, unless its only record has more.
    static let parkedPageBytes = ByteCount.mebibytes(4).bytes
    /// Entries looked at in one go.
    static let parkedScanSize = 500

    private static func parkedToken(_ partition: PartitionNumber, _ number: Int64) -> String {
        TransferKeys.padded(partition) + "/" + TransferKeys.padded(SequenceNumber(number))
    }

    private static func parkedPosition(
        _ token: String
    ) throws(TransferError) -> (partition: PartitionNumber, number: Int64) {
        let parts = token.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 10, parts[1].utf8.count == 19,
            parts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }), let partition = Int(parts[0]),
            let number = Int64(parts[1])
        else { throw OBSDestination.invalid("next is not one that a page has given") }
        return (PartitionNumber(partition), number)
    }

    /// How many parked records the filter matches.
    private func parkedCount(_ id: TransferTaskID, _ filter: ParkedFilter) async throws -> Int {
        if filter.looksAtEntries {
            var count = 0
            try await forEachParked(id, filter, after: nil) { _, found in
                count += found.count
                return true
            }
            return count
        }
        let settled = try await settled(of: id)
        return try await progress(of: id).reduce(0) { sum, partition in
            guard filter.partition.map({ $0 == partition.key }) ?? true else { return sum }
            return sum + partition.value.parked - (settled[partition.key]?.count ?? 0)
        }
    }

    /// Calls `body` with matching entries, page by page, until it returns false. Entries of deliveries that are not
    /// concluded are passed over.
    func forEachParked(
        _ id: TransferTaskID, _ filter: ParkedFilter, after: (partition: PartitionNumber, number: Int64)?,
        _ body: (PartitionNumber, [(number: Int64, stored: TransferStore.Stored<ParkedEntry>)]) async throws -> Bool
    ) async throws {
        guard let range = filter.range else { return }
        // No number follows the largest one.
        let following = after.map { $0.number < .max ? $0.number + 1 : .max }
        let progress = try await progress(of: id)
        for partition in progress.keys.sorted() where filter.partition.map({ $0 == partition }) ?? true {
            var position = range.lowerBound
            if let after, let following {
                if partition < after.partition { continue }
                if partition == after.partition { position = max(position, following) }
            }
            let last = min(range.upperBound, (progress[partition]?.next ?? 0) - 1)
            while position <= last {
                let page = try await services.store.parked(
                    id, partition, from: position, to: last, limit: Self.parkedScanSize)
                guard let end = page.last?.number else { break }
                let found = page.filter { filter.holds($0.number, $0.stored.record) }
                if !found.isEmpty, try await !body(partition, found) { return }
                position = end + 1
            }
        }
    }
}

extension ParkedRecord {
    init(
        _ partition: PartitionNumber, _ number: Int64, _ entry: ParkedEntry, data: [UInt8], isReplayPending: Bool
    ) {
        self.init(
            partition: partition, number: SequenceNumber(number), cause: entry.cause, attempts: entry.attempts,
            data: data, timestamp: Timestamp(milliseconds: entry.timestamp),
            parkedAt: Timestamp(milliseconds: entry.parkedAt),
            lastAttemptAt: Timestamp(milliseconds: entry.lastAttemptAt), partitionKey: entry.key,
            errorObject: entry.errorObject, isReplayPending: isReplayPending)
    }
}

internal import SluiceCatalog
package import SluiceCore

extension TransferTasks {
    /// Parked records of a task by partition and number, at most `limit` (1 to 1000) a page and about `bytes`, unless one
    /// has more; `after` is a page's `next`. Without data they are empty. The total is that of the first page.
    package func parkedRecords(
        of name: String, on reference: String, in project: ProjectID, filter: ParkedFilter = ParkedFilter(),
        after: String? = nil, withData: Bool = true, limit: Int = 100, bytes pageBytes: Int = parkedAnswerBytes
    ) async throws(TransferError) -> ParkedPage {
        let stream = try await stream(reference, in: project)
        let id = try await resolve(name, on: stream)
        let start = try after.map { token throws(TransferError) in try Self.parkedPosition(token) }
        do {
            var total = start?.total ?? 0
            if start?.total == nil { total = try await parkedCount(id, filter) }
            var records: [ParkedRecord] = []
            var bytes = 0
            var dataBytes = 0
            var next: String?
            let position = start.map { (partition: $0.partition, number: $0.number) }
            try await forEachParked(
                id, filter, after: position, limit: filter.cause == nil ? limit + 1 : Self.parkedScanSize
            ) { partition, found in
                let first = found.first?.number ?? 0
                let marked = try await services.store.marked(id, partition, from: first, limit: Self.parkedScanSize)
                for (number, stored) in found {
                    let dataSize = withData ? stored.record.bytes : 0
                    let size = dataSize + Self.entryBytes(stored.record)
                    let isFull = dataBytes + dataSize > Self.parkedPageBytes || bytes + size > pageBytes
                    if records.count == limit || (!records.isEmpty && isFull) {
                        next = records.last.map {
                            Self.parkedToken($0.partition, $0.number.value, total: filter.looksAtEntries ? total : nil)
                        }
                        return false
                    }
                    var data: [UInt8] = []
                    if withData {
                        guard let found = try await services.store.parkedData(id, partition, number) else { continue }
                        data = found
                    }
                    bytes += size
                    dataBytes += dataSize
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
    /// A page with all that is said of its records.
    package static let parkedAnswerBytes = parkedPageBytes + ByteCount.mebibytes(1).bytes
    /// Entries looked at in one go.
    static let parkedScanSize = 500

    /// What a record takes in a page beside its data.
    private static func entryBytes(_ entry: ParkedEntry) -> Int {
        256 + entry.cause.utf8.count + entry.errorObject.utf8.count + (entry.key?.utf8.count ?? 0)
    }

    /// - Parameter total: what a count of matching entries has given, so that later pages need not count again.
    private static func parkedToken(_ partition: PartitionNumber, _ number: Int64, total: Int?) -> String {
        TransferKeys.padded(partition) + "/" + TransferKeys.padded(SequenceNumber(number))
            + (total.map { "/" + $0.padded(to: 19) } ?? "")
    }

    private struct ParkedPosition {
        var partition: PartitionNumber
        var number: Int64
        var total: Int?
    }

    private static func parkedPosition(_ token: String) throws(TransferError) -> ParkedPosition {
        let parts = token.split(separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].utf8.count == 10, parts[1].utf8.count == 19,
            parts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }), let partition = Int(parts[0]),
            let number = Int64(parts[1]), parts.count == 2 || (parts[2].utf8.count == 19 && Int(parts[2]) != nil)
        else { throw OBSDestination.invalid("next is not one that a page has given") }
        return ParkedPosition(
            partition: PartitionNumber(partition), number: number, total: parts.count == 3 ? Int(parts[2]) : nil)
    }

    /// How many parked records the filter matches.
    private func parkedCount(_ id: TransferTaskID, _ filter: ParkedFilter) async throws -> Int {
        if filter.numbers == nil, filter.looksAtEntries { return try await parkedScan(id, filter) }
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

    /// Counts matching entries without making records of them: that takes a fraction of the time.
    private func parkedScan(_ id: TransferTaskID, _ filter: ParkedFilter) async throws -> Int {
        guard let range = filter.range else { return 0 }
        let cause = filter.cause.flatMap { $0.isEmpty ? nil : CauseMatcher($0) }
        var count = 0
        for (partition, progress) in try await progress(of: id)
        where filter.partition.map({ $0 == partition }) ?? true {
            let prefix = TransferKeys.parked(id, partition)
            let end = TransferKeys.parked(id, partition, min(range.upperBound, progress.next - 1))
            var after = range.lowerBound > 0 ? TransferKeys.parked(id, partition, range.lowerBound - 1) : nil
            var isOver = progress.next <= range.lowerBound
            while !isOver {
                let page = try await services.store.catalog.list(
                    prefix: prefix, after: after, limit: Self.parkedCountSize)
                isOver = page.count < Self.parkedCountSize
                after = page.last?.key
                for entry in page {
                    guard entry.key <= end else {
                        isOver = true
                        break
                    }
                    if let cause, try !cause.fits(entry) { continue }
                    count += 1
                }
            }
        }
        return count
    }

    /// Entries counted in one go, without their data: a megabyte.
    private static let parkedCountSize = 2000

    /// Calls `body` with matching entries, page by page, until it returns false. Entries of deliveries that are not
    /// concluded are passed over.
    ///
    /// - Parameter limit: how many entries are worth reading at once.
    func forEachParked(
        _ id: TransferTaskID, _ filter: ParkedFilter, after: (partition: PartitionNumber, number: Int64)?,
        limit: Int = parkedScanSize,
        _ body: (PartitionNumber, [(number: Int64, stored: TransferStore.Stored<ParkedEntry>)]) async throws -> Bool
    ) async throws {
        guard let range = filter.range else { return }
        // No number follows the largest one.
        let cause = filter.cause.flatMap { $0.isEmpty ? nil : CauseMatcher($0) }
        let following = after.map { $0.number < .max ? $0.number + 1 : .max }
        let progress = try await progress(of: id)
        for partition in progress.keys.sorted() where filter.partition.map({ $0 == partition }) ?? true {
            var position = range.lowerBound
            if let after, let following {
                if partition < after.partition { continue }
                if partition == after.partition { position = max(position, following) }
            }
            let last = min(range.upperBound, (progress[partition]?.next ?? 0) - 1)
            // Few numbers may lie far apart: each is looked up.
            if let numbers = filter.numbers {
                let found = try await services.store.parked(
                    id, partition, numbers.filter { $0 >= position && $0 <= last }.sorted())
                for page in found.filter({ filter.holds($0.number, $0.stored.record) }).pages(of: Self.parkedScanSize) {
                    guard try await body(partition, page) else { return }
                }
                continue
            }
            while position <= last {
                let (entries, end) = try await services.store.parkedPage(
                    id, partition, from: position, to: last, limit: min(limit, Self.parkedScanSize), cause: cause)
                guard let end else { break }
                let found = entries.filter { filter.holds($0.number, $0.stored.record) }
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

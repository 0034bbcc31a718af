internal import SluiceCore
internal import Terminal

/// Reads one partition page by page.
struct PartitionReader: Sendable {
    /// Bytes of record data asked for at once.
    private static let pageBytesMax = 4 << 20

    let service: ServiceClient
    let stream: String
    let partition: String
    /// Reading stops before this number; nil is never.
    let end: Int64?
    private let start: ReadPosition
    private var cursor: String?
    /// The number after the last record read; nil before the first.
    private var next: Int64?
    private(set) var isAtEnd = false

    init(_ service: ServiceClient, stream: String, partition: String, start: ReadPosition, end: Int64?) {
        self.service = service
        self.stream = stream
        self.partition = partition
        self.start = start
        self.end = end
    }

    /// Fixes the place to read from now, so that `latest` means this moment.
    mutating func open() async throws {
        if cursor == nil { cursor = try await freshCursor(at: next.map { .sequenceNumber($0) } ?? start) }
    }

    /// The next page; empty when there is nothing to read now. A cursor that has expired is replaced once.
    mutating func page(limit: Int) async throws -> [RecordsAnswer.Record] {
        do {
            return try await read(limit: limit)
        } catch let error as CommandError where error.code == "DIS.4225" {
            cursor = nil
        } catch let error as CommandError where error.code == "DIS.4226" {
            // The records there have expired: the earliest that is left comes next.
            cursor = try await freshCursor(at: .earliest)
        }
        return try await read(limit: limit)
    }

    private mutating func read(limit: Int) async throws -> [RecordsAnswer.Record] {
        try await open()
        let query = [
            ("partition-cursor", cursor ?? ""), ("max_fetch_bytes", String(Self.pageBytesMax)),
            ("limit", String(min(limit, 10_000))),
        ]
        let answer: RecordsAnswer = try await service.get(["v2", service.project, "records"], query: query)
        cursor = answer.nextPartitionCursor
        var records = answer.records
        if let last = records.last, let number = Int64(last.sequenceNumber) { next = number + 1 }
        if let end {
            isAtEnd = records.isEmpty || (next ?? 0) >= end
            records = records.filter { (Int64($0.sequenceNumber) ?? 0) < end }
        }
        return records.count > limit ? Array(records.prefix(limit)) : records
    }

    private func freshCursor(at position: ReadPosition) async throws -> String {
        let query = [("stream-name", stream), ("partition-id", partition)] + position.cursorQuery
        let answer: CursorAnswer = try await service.get(["v2", service.project, "cursors"], query: query)
        return answer.partitionCursor
    }
}

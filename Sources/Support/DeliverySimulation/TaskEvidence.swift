internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCore

/// All that the catalog holds of a task, read without the service that wrote it.
struct TaskEvidence: Sendable {
    struct Settings: Decodable, Sendable {
        var id: String
        var name: String
        var stream: String
        var streamName: String
    }

    struct Progress: Decodable, Sendable {
        var next: Int64
        var discarded: Int
        var delivered: Int
        var parked: Int
        var start: Int64?
        var deliveredBytes: Int?
    }

    /// Parked records that are no more.
    struct Settled: Decodable, Sendable {
        var replayed = 0
        var discarded = 0
        var objectBytes: Int?
    }

    struct Form: Decodable, Sendable {
        struct Descriptor: Decodable, Sendable {
            var obsBucketPath: String
            var consumerStrategy: String
            var destinationFileType: String
            var recordDelimiter: String
            var compressionFormat: String
            var filePrefix: String
        }

        var descriptor: Descriptor
        var schema: String?
        var rowGroupBytes: Int?
    }

    struct Delivered: Decodable, Sendable {
        var object: String
        var partition: Int
        var first: Int64
        var last: Int64
        var records: Int
        var bytes: Int
        var crc32c: UInt32
        var runs: [Int]?
        var form: Int?
        var replay: Int?

        /// The numbers of its records.
        var numbers: [Int64] {
            guard let runs else { return first <= last ? Array(first...last) : [] }
            var numbers: [Int64] = []
            var position = first
            for index in stride(from: 0, to: runs.count - 1, by: 2) {
                position += Int64(runs[index])
                for _ in 0..<runs[index + 1] {
                    numbers.append(position)
                    position += 1
                }
            }
            return numbers
        }
    }

    let settings: Settings
    var progress: [Int: Progress] = [:]
    var settled: [Int: Settled] = [:]
    var forms: [Int: Form] = [:]
    var deliveries: [Delivered] = []
    var parked: [RecordPlace: [UInt8]] = [:]
    /// The stored bytes of its positions, by partition.
    var positions: [Int: [UInt8]] = [:]

    /// Nil when there is no such task.
    init?(of id: String, in catalog: any Catalog) async throws {
        guard let entry = try await catalog.get(CatalogKey("transfer", "task", id)) else { return nil }
        settings = try Self.decode(entry)
        for (entry, number) in try await Self.numbered(CatalogKey("transfer", "progress", id), in: catalog) {
            positions[number] = entry.value
            progress[number] = try Self.decode(entry)
        }
        for (entry, number) in try await Self.numbered(CatalogKey("transfer", "settled", id), in: catalog) {
            settled[number] = try Self.decode(entry)
        }
        for (entry, number) in try await Self.numbered(CatalogKey("transfer", "form", id), in: catalog) {
            forms[number] = try Self.decode(entry)
        }
        for entry in try await Self.entries(CatalogKey("transfer", "ledger", id, "p"), in: catalog) {
            deliveries.append(try Self.decode(entry))
        }
        for entry in try await Self.entries(CatalogKey("transfer", "parked-data", id), in: catalog) {
            let parts = entry.key.text.split(separator: "/")
            guard parts.count == 5, let partition = Int(parts[3]), let number = Int64(parts[4]) else { continue }
            // What lies at or above the position belongs to a delivery that has not been concluded.
            guard number < progress[partition]?.next ?? 0 else { continue }
            parked[RecordPlace(partition: partition, number: number)] = entry.value
        }
    }

    static func entries(_ parent: CatalogKey, in catalog: any Catalog) async throws -> [CatalogEntry] {
        let pageSize = 500
        var found: [CatalogEntry] = []
        while true {
            let page = try await catalog.list(
                prefix: CatalogKey(parent.text + "/"), after: found.last?.key, limit: pageSize)
            found += page
            if page.count < pageSize { return found }
        }
    }

    private static func numbered(
        _ parent: CatalogKey, in catalog: any Catalog
    ) async throws -> [(CatalogEntry, Int)] {
        try await entries(parent, in: catalog).compactMap { entry in
            Int(entry.key.text.dropFirst(parent.text.count + 1)).map { (entry, $0) }
        }
    }

    private static func decode<Value: Decodable>(_ entry: CatalogEntry) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(entry.value))
    }
}

/// A record's place in its stream.
struct RecordPlace: Hashable, Sendable, Comparable, CustomStringConvertible {
    let partition: Int
    let number: Int64

    static func < (left: Self, right: Self) -> Bool {
        (left.partition, left.number) < (right.partition, right.number)
    }

    var description: String { "record \(number) of partition \(partition)" }
}

internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCore

/// Typed access to the catalog's records of transfer tasks.
struct TransferStore: Sendable {
    let catalog: any Catalog

    /// A record with the revision it was read at.
    struct Stored<Record: Sendable>: Sendable {
        var record: Record
        let revision: Int64
    }

    func get<Record: TransferRecord>(_ key: CatalogKey, as type: Record.Type) async throws(CatalogError) -> Stored<
        Record
    >? {
        guard let entry = try await catalog.get(key) else { return nil }
        return Stored(record: try Self.decode(entry, as: type), revision: entry.revision)
    }

    /// All records under a prefix, read `pageSize` at a time.
    func all<Record: TransferRecord>(
        under prefix: CatalogKey, as type: Record.Type
    ) async throws(CatalogError) -> [(key: CatalogKey, record: Record)] {
        let pageSize = 500
        var found: [(key: CatalogKey, record: Record)] = []
        var after: CatalogKey?
        while true {
            let page = try await catalog.list(prefix: prefix, after: after, limit: pageSize)
            for entry in page { found.append((entry.key, try Self.decode(entry, as: type))) }
            guard page.count == pageSize else { return found }
            after = page.last?.key
        }
    }

    static func put(
        _ key: CatalogKey, _ record: some TransferRecord, expecting: CatalogExpectation = .anything
    ) throws(CatalogError) -> CatalogChange {
        .put(key, try encode(record), expecting: expecting)
    }

    static func encode(_ record: some TransferRecord) throws(CatalogError) -> [UInt8] {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(record))
        } catch {
            throw CatalogError(.damaged, "a record of type \(type(of: record)) does not encode")
        }
    }

    static func decode<Record: TransferRecord>(
        _ entry: CatalogEntry, as type: Record.Type
    ) throws(CatalogError) -> Record {
        do {
            return try JSONDecoder().decode(Record.self, from: Data(entry.value))
        } catch {
            throw CatalogError(.damaged, key: entry.key, "the record does not decode as \(type)")
        }
    }
}

extension TransferError {
    init(_ error: CatalogError) {
        self.init(error.code == .damaged ? .damaged : .unavailable, error.description)
    }
}

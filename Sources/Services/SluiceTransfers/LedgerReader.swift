internal import SluiceCatalog

/// Reads ledger entries in the order of their keys, as many at a time as fit into a bound: most take 300 bytes, but one
/// whose records alternate with those of other directories may take a megabyte.
struct LedgerReader: Sendable {
    struct Entry: Sendable {
        let key: CatalogKey
        let record: DeliveryRecord
    }

    /// Bytes of entries read at once, going by those before; one entry may be larger.
    private static let readSize = 1 << 20
    private static let entriesMax = 500

    let catalog: any Catalog
    let prefix: CatalogKey
    /// The last key read.
    private(set) var position: CatalogKey?
    private var entriesAtOnce = 16

    init(_ catalog: any Catalog, prefix: CatalogKey, after position: CatalogKey?) {
        self.catalog = catalog
        self.prefix = prefix
        self.position = position
    }

    /// The next entries, at least one and at most `limit`; empty at the end.
    mutating func next(atMost limit: Int) async throws(CatalogError) -> [Entry] {
        let page = try await catalog.list(prefix: prefix, after: position, limit: min(entriesAtOnce, limit))
        guard let last = page.last else { return [] }
        position = last.key
        let mean = max(1, page.reduce(0) { $0 + $1.value.count } / page.count)
        entriesAtOnce = min(Self.entriesMax, max(1, Self.readSize / mean))
        var entries: [Entry] = []
        for entry in page {
            entries.append(Entry(key: entry.key, record: try TransferStore.decode(entry, as: DeliveryRecord.self)))
        }
        return entries
    }
}

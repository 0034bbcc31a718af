package import Crypto
package import SluiceCatalog
internal import SluiceCore

/// The destinations that are kept in the catalog, their secret keys sealed.
///
/// Changes happen one after another, from any process; a running server sees each within
/// `CatalogFollower.pollInterval`.
package struct DestinationStore: Sendable {
    let collection: CatalogCollection
    private let sealing: SealingKey

    /// Destinations that one catalog may hold.
    package static let destinationsMax = 256

    package init(catalog: any Catalog, sealing: SealingKey) {
        collection = CatalogCollection(in: catalog, generation: DestinationRecord.generation)
        self.sealing = sealing
    }

    /// All destinations in the order of their precedence, which is that of adding.
    package func destinations() async throws(DestinationError) -> [Destination] {
        try await load().destinations
    }

    /// Adds a destination behind all others or, with `replaces`, puts it in the place of the one of its name.
    ///
    /// Throws `invalid` for a name that is not 1 to 64 of `A-Z a-z 0-9 _ -`, `alreadyExists`, `limitReached`, and with
    /// `replaces` `notFound`.
    package func add(_ destination: Destination, replaces: Bool = false) async throws(DestinationError) {
        guard destination.name.isName(upTo: 64) else {
            throw DestinationError(.invalid, "a destination's name is 1 to 64 of A-Z, a-z, 0-9, _ and -")
        }
        try await change { stored throws(DestinationError) in
            let former = stored.entries.first { $0.destination.name == destination.name }
            if replaces {
                guard former != nil else { throw Self.notFound(destination.name) }
            } else {
                guard former == nil else {
                    throw DestinationError(.alreadyExists, "the destination \(destination.name) exists already")
                }
                guard stored.entries.count < Self.destinationsMax else {
                    throw DestinationError(.limitReached, "there are \(Self.destinationsMax) destinations already")
                }
            }
            let number = former?.number ?? (stored.entries.map(\.number).max() ?? 0) + 1
            let record = DestinationRecord(destination, number: number, sealing: sealing)
            return .put(DestinationRecord.key(destination.name), try record.encoded())
        }
    }

    /// Removes the destination of that name; throws `notFound`.
    package func remove(_ name: String) async throws(DestinationError) {
        try await change { stored throws(DestinationError) in
            guard stored.entries.contains(where: { $0.destination.name == name }) else { throw Self.notFound(name) }
            return .delete(DestinationRecord.key(name))
        }
    }

    private static func notFound(_ name: String) -> DestinationError {
        DestinationError(.notFound, "there is no destination \(name)")
    }

    // MARK: Reading and changing

    /// The destinations of one moment.
    func load() async throws(DestinationError) -> DestinationSnapshot {
        let snapshot = try await collection.read { generation throws(DestinationError) in
            try decode(try await page(), generation)
        }
        guard let snapshot else { throw Self.busy }
        return snapshot
    }

    private func page() async throws(DestinationError) -> [CatalogEntry] {
        do throws(CatalogError) {
            return try await collection.catalog.list(
                prefix: DestinationRecord.items, after: nil, limit: Self.destinationsMax)
        } catch {
            throw DestinationError(error)
        }
    }

    private func decode(
        _ page: [CatalogEntry], _ generation: Int64
    ) throws(DestinationError) -> DestinationSnapshot {
        var entries: [(number: Int64, destination: Destination)] = []
        for entry in page {
            let record = try DestinationRecord(entry)
            entries.append((record.number, try record.destination(entry, sealing: sealing)))
        }
        return DestinationSnapshot(entries: entries.sorted { $0.number < $1.number }, generation: generation)
    }

    /// Decides over the destinations as they are and commits only if they still are, else decides again.
    private func change(
        _ decide: (DestinationSnapshot) throws(DestinationError) -> CatalogChange
    ) async throws(DestinationError) {
        let done: Void? = try await collection.change(from: load) { stored throws(DestinationError) in
            ([try decide(stored)], ())
        }
        guard done != nil else { throw Self.busy }
    }

    private static let busy = DestinationError(.busy, "others change destinations at the same time")
}

package import Observability
package import SluiceCatalog
package import SluiceCore

/// The catalog's destinations in memory, following the changes of the `sluice admin` commands.
package typealias DestinationDirectory = CatalogFollower<DestinationSnapshot, DestinationError>

/// The destinations of one moment; a later one has a higher generation.
package struct DestinationSnapshot: CatalogSnapshot {
    /// Each with its number, in the order of their precedence, which is that of the numbers.
    let entries: [(number: Int64, destination: Destination)]
    package let generation: Int64

    /// In the order of their precedence.
    package var destinations: [Destination] { entries.map(\.destination) }
}

extension DestinationDirectory {
    /// Reads all destinations; throws when the catalog fails or a record is damaged.
    package convenience init(
        _ store: DestinationStore, time: any TimeSource, log: Logger = .silent
    ) async throws(DestinationError) {
        try await self.init("destinations", of: store.collection, time: time, log: log) {
            () async throws(DestinationError) in try await store.load()
        }
    }
}

package import Crypto
package import Observability
package import SluiceCatalog
package import SluiceCore

/// The identities that requests are checked against, following the changes of the `sluice admin` commands.
package typealias IdentityDirectory = CatalogFollower<IdentitySnapshot, IdentityError>

extension IdentityDirectory {
    /// Reads all identities; throws when the catalog fails or a record is damaged.
    package convenience init(
        catalog: any Catalog, sealing: SealingKey, time: any TimeSource, log: Logger = .silent
    ) async throws(IdentityError) {
        try await self.init("identities", of: IdentityCodec.collection(in: catalog), time: time, log: log) {
            () async throws(IdentityError) in try await IdentitySnapshot.load(catalog, sealing: sealing)
        }
    }
}

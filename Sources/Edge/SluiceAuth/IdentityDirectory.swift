package import Crypto
package import Observability
package import SluiceCatalog
package import SluiceCore
internal import Synchronization

/// The identities that requests are checked against: an in-memory snapshot that follows the catalog.
///
/// Changes made by this process are seen at once through `refresh`, those of others (the `sluice admin` commands) within
/// `pollInterval` through `run`.
package final class IdentityDirectory: Sendable {
    private struct State {
        var snapshot: IdentitySnapshot
        var lastLook: Duration?
    }

    private let catalog: any Catalog
    private let sealing: SealingKey
    private let time: any TimeSource
    private let log: Logger
    private let state: Mutex<State>

    package static let pollInterval = Duration.milliseconds(500)
    /// Looks caused by refused requests are at least this far apart.
    private static let lookInterval = Duration.milliseconds(100)

    /// Reads all identities; throws when the catalog fails or a record is damaged.
    package init(
        catalog: any Catalog, sealing: SealingKey, time: any TimeSource, log: Logger = .silent
    ) async throws(IdentityError) {
        self.catalog = catalog
        self.sealing = sealing
        self.time = time
        self.log = log
        state = Mutex(State(snapshot: try await IdentitySnapshot.load(catalog, sealing: sealing)))
    }

    package var snapshot: IdentitySnapshot { state.withLock(\.snapshot) }

    /// Follows the catalog until cancelled. A failing catalog leaves the last identities in force.
    package func run() async {
        var isFailing = false
        while !Task.isCancelled {
            do {
                try await time.sleep(for: Self.pollInterval)
            } catch {
                return
            }
            do {
                try await refresh()
                if isFailing { log.info("identities are current again") }
                isFailing = false
            } catch {
                if !isFailing { log.error("identities cannot be refreshed", ["error": "\(error)"]) }
                isFailing = true
            }
        }
    }

    /// Loads a new snapshot if identities changed; whether they did.
    @discardableResult
    package func refresh() async throws(IdentityError) -> Bool {
        let generation: Int64
        do {
            generation = try await catalog.get(IdentityCodec.generation)?.revision ?? 0
        } catch {
            throw IdentityError(error)
        }
        guard generation != snapshot.generation else { return false }
        let fresh = try await IdentitySnapshot.load(catalog, sealing: sealing)
        return state.withLock { state in
            // A slower reader must not bring an older state back; revisions only grow.
            guard fresh.generation > state.snapshot.generation else { return false }
            state.snapshot = fresh
            return true
        }
    }

    /// `refresh`, but seldom and without failing: for a request that only a newer identity could justify.
    func refreshIfDue() async -> Bool {
        let now = time.elapsed()
        let isDue = state.withLock { state in
            if let last = state.lastLook, now - last < Self.lookInterval { return false }
            state.lastLook = now
            return true
        }
        guard isDue else { return false }
        do {
            return try await refresh()
        } catch {
            // `run` reports a failing catalog; the request is judged by the last identities.
            return false
        }
    }
}

package import Observability
package import SluiceCore
internal import Synchronization

/// The catalog's destinations in memory, following the changes that other processes make.
package final class DestinationDirectory: Sendable {
    /// The destinations of one moment; a later one has a higher generation.
    package struct Snapshot: Sendable {
        /// In the order of their precedence.
        package let destinations: [Destination]
        package let generation: Int64
    }

    private let store: DestinationStore
    private let time: any TimeSource
    private let log: Logger
    private let state: Mutex<Snapshot>

    package static let pollInterval = Duration.milliseconds(500)

    /// Reads all destinations; throws when the catalog fails or a record is damaged.
    package init(
        _ store: DestinationStore, time: any TimeSource, log: Logger = .silent
    ) async throws(DestinationError) {
        self.store = store
        self.time = time
        self.log = log
        let stored = try await store.load()
        state = Mutex(Snapshot(destinations: stored.destinations, generation: stored.generation))
    }

    package var snapshot: Snapshot { state.withLock { $0 } }

    /// Follows the catalog until cancelled. A failing catalog leaves the last destinations in force.
    package func run() async {
        var isFailing = false
        while !Task.isCancelled {
            do {
                try await time.sleep(for: Self.pollInterval)
            } catch {
                return
            }
            do {
                if try await refresh() { log.info("destinations changed", ["count": "\(snapshot.destinations.count)"]) }
                if isFailing { log.info("destinations are current again") }
                isFailing = false
            } catch {
                if !isFailing { log.error("destinations cannot be refreshed", ["error": "\(error)"]) }
                isFailing = true
            }
        }
    }

    /// Loads a new snapshot if destinations changed; whether they did.
    @discardableResult
    package func refresh() async throws(DestinationError) -> Bool {
        guard try await store.generation() != snapshot.generation else { return false }
        let fresh = try await store.load()
        return state.withLock { state in
            // A slower reader must not bring an older state back; revisions only grow.
            guard fresh.generation > state.generation else { return false }
            state = Snapshot(destinations: fresh.destinations, generation: fresh.generation)
            return true
        }
    }
}

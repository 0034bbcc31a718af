package import Observability
package import SluiceCore
internal import Synchronization

/// A snapshot of a collection in memory that follows the changes of all processes.
///
/// Changes are seen within `pollInterval` while `run` runs, and at once through `refresh`.
package final class CatalogFollower<Snapshot: CatalogSnapshot, Failure: CatalogCausedError>: Sendable {
    private struct State {
        var snapshot: Snapshot
        var lastLook: Duration?
    }

    private let subject: String
    private let collection: CatalogCollection
    private let load: @Sendable () async throws(Failure) -> Snapshot
    private let time: any TimeSource
    private let log: Logger
    private let state: Mutex<State>

    /// How long a change made by another process may go unseen.
    package static var pollInterval: Duration { .milliseconds(500) }
    /// While the catalog fails, the pause doubles from `pollInterval` up to this.
    package static var failingIntervalMax: Duration { .seconds(8) }
    /// Looks of `refreshIfDue` are at least this far apart.
    package static var lookInterval: Duration { .milliseconds(100) }

    /// Loads the first snapshot; throws when that fails.
    ///
    /// - Parameter subject: what the log calls the collection, in the plural: `identities`.
    package init(
        _ subject: String, of collection: CatalogCollection, time: any TimeSource, log: Logger = .silent,
        load: @escaping @Sendable () async throws(Failure) -> Snapshot
    ) async throws(Failure) {
        self.subject = subject
        self.collection = collection
        self.load = load
        self.time = time
        self.log = log
        state = Mutex(State(snapshot: try await load()))
    }

    package var snapshot: Snapshot { state.withLock(\.snapshot) }

    /// Follows the catalog until cancelled. While that fails, the last snapshot stays in force.
    package func run() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                try await time.sleep(for: Self.pause(after: failures))
            } catch {
                return
            }
            do throws(Failure) {
                if try await refresh() { log.info("\(subject) have changed") }
                if failures > 0 { log.info("\(subject) are current again") }
                failures = 0
            } catch {
                if failures == 0 { log.error("\(subject) cannot be refreshed", ["error": "\(error)"]) }
                failures += 1
            }
        }
    }

    private static func pause(after failures: Int) -> Duration {
        min(failingIntervalMax, pollInterval * (1 << min(failures, 16)))
    }

    /// Loads a new snapshot if the collection has changed; whether it has.
    @discardableResult
    package func refresh() async throws(Failure) -> Bool {
        let generation = try await collection.generation(throwing: Failure.self)
        guard generation != snapshot.generation else { return false }
        let fresh = try await load()
        return state.withLock { state in
            // A slower reader must not bring an older state back; revisions only grow.
            guard fresh.generation > state.snapshot.generation else { return false }
            state.snapshot = fresh
            return true
        }
    }

    /// `refresh`, but seldom and without failing: for a request that only a newer snapshot could justify.
    package func refreshIfDue() async -> Bool {
        let now = time.elapsed()
        let isDue = state.withLock { state in
            if let last = state.lastLook, now - last < Self.lookInterval { return false }
            state.lastLook = now
            return true
        }
        guard isDue else { return false }
        do throws(Failure) {
            return try await refresh()
        } catch {
            // `run` reports a failing catalog; the request is judged by the last snapshot.
            return false
        }
    }
}

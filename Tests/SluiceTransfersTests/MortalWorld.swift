import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTransfers
import Synchronization

/// Counts what a process does to the outside, and ends it after so many steps: every later step fails.
final class Mortality: Sendable {
    private let steps = Mutex((made: 0, allowed: Int.max))

    init(dyingAfter steps: Int?) {
        if let steps { self.steps.withLock { $0.allowed = steps } }
    }

    var made: Int { steps.withLock(\.made) }
    var isDead: Bool { steps.withLock { $0.made >= $0.allowed } }

    func step() -> Bool {
        steps.withLock { steps in
            guard steps.made < steps.allowed else { return false }
            steps.made += 1
            return true
        }
    }
}

/// A catalog whose commits happen or not, and whose user dies before or after one.
struct MortalCatalog: Catalog {
    let catalog: any Catalog
    let mortality: Mortality

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        guard !mortality.isDead else { throw CatalogError(.unavailable, "dead") }
        return try await catalog.get(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        guard !mortality.isDead else { throw CatalogError(.unavailable, "dead") }
        return try await catalog.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        guard mortality.step() else { throw CatalogError(.unavailable, "dead") }
        try await catalog.commit(changes)
        guard mortality.step() else { throw CatalogError(.outcomeUnknown, "dead") }
    }
}

/// A bucket whose writer dies before, in the middle of or after a write.
struct MortalBucket: ObjectSink, ObjectSinkProvider {
    let bucket: ByteBucket
    let mortality: Mortality

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }
    func prepare() async throws(SinkError) {}

    func write(_ key: String, body: ObjectBody) async throws {
        guard mortality.step() else { throw SinkError(.unavailable, "dead") }
        try await bucket.write(
            key,
            body: ObjectBody {
                guard mortality.step() else { throw SinkError(.unavailable, "dead") }
                return try await body.next()
            })
        guard mortality.step() else { throw SinkError(.unavailable, "dead") }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        guard !mortality.isDead else { throw SinkError(.unavailable, "dead") }
        return try await bucket.read(key, body)
    }
}

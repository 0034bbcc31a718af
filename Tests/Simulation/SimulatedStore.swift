import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization

/// Everything that outlives a process: catalog, records, objects.
final class SimulatedWorld: Sendable {
    struct Settings: Sendable {
        var bug: PlantedBug?
        var hostility = Hostility()
    }

    let time = SimulationTime()
    let numbers: SharedNumbers
    let catalog = MemoryCatalog()
    let log = MemoryRecordLog()
    let bug: PlantedBug?
    private let hostilityCell: Mutex<Hostility>
    private let bucket = Mutex<[String: [UInt8]]>([:])
    /// Objects that the store has taken and does not show yet, with the number of questions until it does.
    private let hidden = Mutex<[String: Int]>([:])

    init(seed: UInt64, settings: Settings) {
        numbers = SharedNumbers(seed: seed)
        bug = settings.bug
        hostilityCell = Mutex(settings.hostility)
    }

    var hostility: Hostility {
        get { hostilityCell.withLock { $0 } }
        set { hostilityCell.withLock { $0 = newValue } }
    }

    var objects: [String: [UInt8]] { bucket.withLock { $0 } }

    func store(_ key: String, _ bytes: [UInt8]) { bucket.withLock { $0[key] = bytes } }

    func hide(_ key: String, for questions: Int) { hidden.withLock { $0[key] = questions } }

    /// What a reader sees of an object now.
    func visible(_ key: String) -> [UInt8]? {
        let isHidden = hidden.withLock { hidden in
            guard let left = hidden[key], left > 0 else { return false }
            hidden[key] = left - 1
            return true
        }
        return isHidden ? nil : bucket.withLock { $0[key] }
    }
}

/// A store that answers late, wrongly or not at all.
struct SimulatedSink: ObjectSink, ObjectSinkProvider {
    let world: SimulatedWorld
    let life: Life
    private let believed = Believed()

    init(world: SimulatedWorld, life: Life) {
        self.world = world
        self.life = life
    }

    /// What a service with `progressBeforeConfirm` thinks it has written.
    private final class Believed: Sendable {
        let objects = Mutex<[String: [UInt8]]>([:])
    }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink { self }

    func prepare() async throws(SinkError) {
        guard await life.step() else { throw SinkError(.cancelled, "dead") }
        if world.numbers.chance(world.hostility.write / 2) { throw SinkError(.unavailable, "not reachable") }
    }

    private func name(_ key: String) -> String {
        guard world.bug == .nameWithoutRange else { return key }
        return key.split(separator: "_").dropLast(2).joined(separator: "_")
    }

    func write(_ key: String, body: ObjectBody) async throws {
        var bytes: [UInt8] = []
        while let piece = try await body.next() {
            // A multipart upload that dies between its parts leaves nothing to see.
            guard await life.step() else { throw SinkError(.cancelled, "dead") }
            bytes += piece
        }
        let key = name(key)
        if world.bug == .progressBeforeConfirm {
            believed.objects.withLock { $0[key] = bytes }
            if world.numbers.chance(50) { world.store(key, bytes) }
            return
        }
        guard await life.step() else { throw SinkError(.cancelled, "dead") }
        if world.numbers.chance(20) { try await world.time.sleep(for: .milliseconds(world.numbers.below(3000))) }
        guard world.numbers.chance(world.hostility.write) else {
            world.store(key, bytes)
            guard await life.step() else { throw SinkError(.cancelled, "dead") }
            return
        }
        switch world.numbers.below(6) {
        case 0: throw SinkError(.throttled, "slow down")
        case 1: throw SinkError(.unavailable, "refused before anything happened")
        case 2:
            world.store(key, bytes)
            throw SinkError(.unavailable, "the answer got lost after success")
        case 3:
            // The writer hears of a failure, and the store goes on and succeeds later.
            world.store(key, bytes)
            world.hide(key, for: 1 + world.numbers.below(3))
            throw SinkError(.unavailable, "no answer in time")
        case 4:
            // Success, but listings and reads show it late.
            world.store(key, bytes)
            world.hide(key, for: 1 + world.numbers.below(2))
        default:
            // Answers success and has nothing: only reading back finds out.
            break
        }
    }

    func examine(_ key: String) async throws(SinkError) -> ObjectFacts? {
        guard await life.step() else { throw SinkError(.cancelled, "dead") }
        let key = name(key)
        let bytes =
            world.bug == .progressBeforeConfirm ? believed.objects.withLock({ $0[key] }) : world.visible(key)
        return bytes.map { ObjectFacts(length: $0.count, crc32c: CRC32C.checksum($0)) }
    }
}

/// A catalog that fails before a commit, or after it.
struct SimulatedCatalog: Catalog {
    let world: SimulatedWorld
    let life: Life

    private func isIntent(_ key: CatalogKey) -> Bool { key.text.hasPrefix("transfer/intent/") }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        guard await life.step() else { throw CatalogError(.unavailable, "dead") }
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.unavailable, "no answer") }
        if world.bug == .retryRecutsTheBatch, isIntent(key) { return nil }
        return try await world.catalog.get(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        guard await life.step() else { throw CatalogError(.unavailable, "dead") }
        return try await world.catalog.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.unavailable, "refused") }
        guard await life.step() else { throw CatalogError(.unavailable, "dead") }
        let planted = plant(changes)
        if world.bug == .tornIntent, world.numbers.chance(15), planted.count > 2 {
            try await world.catalog.commit(Array(planted.prefix(planted.count - 2)))
            life.kill()
        } else {
            try await world.catalog.commit(planted)
        }
        guard await life.step() else { throw CatalogError(.outcomeUnknown, "dead") }
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.outcomeUnknown, "no answer") }
    }

    private func plant(_ changes: [CatalogChange]) -> [CatalogChange] {
        changes.compactMap { change -> CatalogChange? in
            switch change {
            case .require(let key, _) where world.bug == .epochNotChecked && key.text.hasPrefix("transfer/owner/"):
                return nil
            case .put(let key, let value, _) where world.bug == .epochNotChecked: return .put(key, value)
            case .delete(let key, _) where world.bug == .epochNotChecked: return .delete(key)
            case .put(let key, let value, _) where world.bug == .retryRecutsTheBatch && isIntent(key):
                return .put(key, value)
            default: return change
            }
        }
    }
}

/// One stream that never changes.
struct SimulatedStreams: StreamLookup {
    let description: StreamDescription

    func describe(_ reference: String, in project: ProjectID) async throws(StreamLookupError) -> StreamDescription? {
        description
    }

    func describe(_ id: StreamID) async throws(StreamLookupError) -> StreamDescription? { description }

    func waitForChange(of id: StreamID, since version: Int64) async throws(StreamLookupError) -> StreamDescription? {
        await Signal().wait()
        throw StreamLookupError(.cancelled, "cancelled")
    }
}

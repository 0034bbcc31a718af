internal import Observability
internal import SluiceCatalog
internal import SluiceCore

/// A catalog that fails before a commit, or after it.
struct SimulatedCatalog: Catalog {
    let world: SimulatedWorld
    let life: Life

    private static let dead = CatalogError(.unavailable, "dead")

    private func isIntent(_ key: CatalogKey) -> Bool { key.text.hasPrefix("transfer/intent/") }

    private func isReplay(_ key: CatalogKey) -> Bool { key.text.hasPrefix("transfer/replay/") }

    private func ask() async throws(CatalogError) {
        guard await life.step() else { throw Self.dead }
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.unavailable, "no answer") }
    }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        world.logger.trace("get", ["key": key.text])
        try await ask()
        if world.bug == .retryRecutsTheBatch, isIntent(key) { return nil }
        if world.bug == .replayedTwice, isReplay(key), !life.hasPlannedReplay { return nil }
        return try await world.catalog.get(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        world.logger.trace("list", ["prefix": prefix.text])
        try await ask()
        return try await world.catalog.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        world.logger.trace("commit", ["changes": "\(changes.map(Self.key))"])
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.unavailable, "refused") }
        guard await life.step() else { throw Self.dead }
        let planted = plant(changes)
        if world.bug == .tornIntent, world.hostility.catalog > 0, world.numbers.chance(15), planted.count > 2 {
            try await world.catalog.commit(Array(planted.prefix(planted.count - 2)))
            life.kill()
        } else {
            try await world.catalog.commit(planted)
        }
        guard await life.step() else { throw CatalogError(.outcomeUnknown, "dead") }
        if world.numbers.chance(world.hostility.catalog) {
            throw CatalogError(
                world.numbers.chance(50) ? .outcomeUnknown : .unavailable, "an error after success")
        }
    }

    private static func key(_ change: CatalogChange) -> String {
        switch change {
        case .put(let key, _, _), .delete(let key, _), .require(let key, _): key.text
        case .deleteAll(let prefix): prefix.text
        }
    }

    private func plant(_ changes: [CatalogChange]) -> [CatalogChange] {
        guard let bug = world.bug else { return changes }
        if bug == .replayedTwice {
            for case .put(let key, _, _) in changes where isReplay(key) { life.planReplay() }
        }
        return changes.compactMap { change -> CatalogChange? in
            switch change {
            case .require(let key, _) where world.bug == .epochNotChecked && key.text.hasPrefix("transfer/owner/"):
                return nil
            case .put(let key, let value, _) where world.bug == .epochNotChecked: return .put(key, value)
            case .delete(let key, _) where world.bug == .epochNotChecked: return .delete(key)
            case .put(let key, let value, _) where world.bug == .retryRecutsTheBatch && isIntent(key):
                return .put(key, value)
            case .put(let key, let value, _) where world.bug == .replayedTwice && isReplay(key):
                return .put(key, value)
            case .require(let key, _) where world.bug == .replayedTwice && isReplay(key): return nil
            case .delete(let key, _) where world.bug == .parkedAndDelivered && key.text.hasPrefix("transfer/parked"):
                return nil
            default: return change
            }
        }
    }
}

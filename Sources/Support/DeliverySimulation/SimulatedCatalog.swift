internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// A catalog that fails before a commit, or after it.
struct SimulatedCatalog: Catalog {
    let world: SimulatedWorld
    let life: Life
    let catalog: any Catalog
    let log: any RecordLog

    private static let dead = CatalogError(.unavailable, "dead")

    private func ask() async throws(CatalogError) {
        guard await life.step() else { throw Self.dead }
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.unavailable, "no answer") }
    }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        world.logger.trace("get", ["key": key.text])
        try await ask()
        return try await planted(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        world.logger.trace("list", ["prefix": prefix.text])
        try await ask()
        return try await catalog.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        world.logger.trace("commit", ["changes": "\(changes.map(Self.key))"])
        if world.numbers.chance(world.hostility.catalog) { throw CatalogError(.unavailable, "refused") }
        guard await life.step() else { throw Self.dead }
        let planted = try await planted(changes)
        if world.bug == .tornIntent, world.hostility.catalog > 0, world.numbers.chance(15), planted.count > 2 {
            try await apply(Array(planted.prefix(planted.count - 2)))
            life.kill()
        } else {
            // Replays are rare and short: a process that dies between the plan and its end would be a rare accident.
            guard world.bug != .replayedTwice || world.hostility.catalog == 0 || !Self.endsReplay(planted) else {
                life.kill()
                throw Self.dead
            }
            try await apply(planted)
        }
        guard await life.step() else { throw CatalogError(.outcomeUnknown, "dead") }
        if world.numbers.chance(world.hostility.catalog) {
            throw CatalogError(
                world.numbers.chance(50) ? .outcomeUnknown : .unavailable, "an error after success")
        }
    }

    /// Commits, and notes for the verdict what that says of tasks.
    private func apply(_ changes: [CatalogChange]) async throws(CatalogError) {
        let deleted: [TaskEvidence]
        do {
            deleted = try await TaskHistory.deletions(in: changes, catalog)
        } catch {
            throw CatalogError(.damaged, "\(error)")
        }
        try await catalog.commit(changes)
        do {
            try world.history.note(changes, deleting: deleted, log)
        } catch {
            throw CatalogError(.damaged, "\(error)")
        }
    }

    private static func key(_ change: CatalogChange) -> String {
        switch change {
        case .put(let key, _, _), .delete(let key, _), .require(let key, _): key.text
        case .deleteAll(let prefix), .deleteFirst(let prefix, _, _): prefix.text
        }
    }
}

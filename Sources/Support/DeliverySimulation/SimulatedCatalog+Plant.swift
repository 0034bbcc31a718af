internal import SluiceCatalog
internal import SluiceCore

/// Bugs of a service, planted where it meets the catalog.
extension SimulatedCatalog {
    private var bug: PlantedBug? { life.isJudge ? nil : world.bug }

    private func isIntent(_ key: CatalogKey) -> Bool { key.text.hasPrefix("transfer/intent/") }
    private func isReplay(_ key: CatalogKey) -> Bool { key.text.hasPrefix("transfer/replay/") }
    private func isOwner(_ key: CatalogKey) -> Bool { key.text.hasPrefix("transfer/owner/") }

    /// Whether a commit ends a replay that was planned.
    static func endsReplay(_ changes: [CatalogChange]) -> Bool {
        changes.contains { change in
            guard case .put(let key, let value, _) = change, key.text.hasPrefix("transfer/replay/") else {
                return false
            }
            return !String(decoding: value, as: UTF8.self).contains("\"plan\"")
        }
    }

    /// What the service reads.
    func planted(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        if bug == .retryRecutsTheBatch, isIntent(key) { return nil }
        if bug == .replayedTwice, isReplay(key), !life.hasPlannedReplay { return nil }
        if bug == .newFormForOldPlan, key.text.hasPrefix("transfer/form/") {
            let forms = CatalogKey(String(key.text.dropLast(10)))
            return try await catalog.list(prefix: forms, after: nil, limit: 1000).last
        }
        return try await catalog.get(key)
    }

    /// What the service writes.
    func planted(_ changes: [CatalogChange]) async throws(CatalogError) -> [CatalogChange] {
        guard let bug else { return changes }
        var kept: [CatalogChange] = []
        for change in changes {
            switch change {
            case .require(let key, _) where bug == .epochNotChecked && isOwner(key): continue
            case .require(let key, _) where bug == .deletedTaskWritesOn && isOwner(key):
                if try await catalog.get(key) != nil { kept.append(change) }
            case .put(let key, let value, _) where bug == .epochNotChecked: kept.append(.put(key, value))
            case .delete(let key, _) where bug == .epochNotChecked: kept.append(.delete(key))
            case .put(let key, let value, _) where bug == .retryRecutsTheBatch && isIntent(key):
                kept.append(.put(key, value))
            case .put(let key, let value, _) where bug == .replayedTwice && isReplay(key):
                life.planReplay()
                kept.append(.put(key, value))
            case .require(let key, _) where bug == .replayedTwice && isReplay(key): continue
            case .delete(let key, _) where bug == .parkedAndDelivered && key.text.hasPrefix("transfer/parked"): continue
            case .put(let key, let value, let expectation)
            where bug == .progressInherited && key.text.hasPrefix("transfer/progress/"):
                kept.append(.put(key, inherited(key, changes) ?? value, expecting: expectation))
            case .put(let key, let value, _)
            where bug == .stopLosesThePlan && key.text.hasPrefix("transfer/status/"):
                kept.append(change)
                guard String(decoding: value, as: UTF8.self).contains("PAUSED") else { continue }
                kept.append(.deleteAll(prefix: CatalogKey("transfer/intent/\(key.text.dropFirst(16))/")))
            default: kept.append(change)
            }
        }
        return kept
    }

    /// The position of a deleted task of the same name, where a commit creates a task.
    private func inherited(_ key: CatalogKey, _ changes: [CatalogChange]) -> [UInt8]? {
        for case .put(let task, let value, .absent) in changes where task.text.hasPrefix("transfer/task/") {
            let record = String(decoding: value, as: UTF8.self)
            let former = world.history.deleted.last { evidence in
                record.contains(#""name":"\#(evidence.settings.name)""#)
                    && record.contains(#""streamName":"\#(evidence.settings.streamName)""#)
            }
            return Int(key.text.suffix(10)).flatMap { former?.positions[$0] }
        }
        return nil
    }
}

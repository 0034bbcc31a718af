internal import SluiceCatalog
internal import SluiceCore

/// The right to write for a task: every commit of a runner depends on the revision of its own claim.
struct TaskOwnership: Sendable {
    let task: TransferTaskID
    let epoch: Int64
    let revision: Int64

    /// The condition that every commit of the owner carries.
    var condition: CatalogChange {
        .require(TransferKeys.owner(task), .revision(revision))
    }

    /// Claims the task: whoever owned it before can write no more.
    static func claim(_ task: TransferTaskID, in services: TransferServices) async throws -> TaskOwnership {
        let attempts = 10
        let key = TransferKeys.owner(task)
        for _ in 0..<attempts {
            let current = try await services.store.get(key, as: OwnerRecord.self)
            let claim = OwnerRecord(epoch: (current?.record.epoch ?? 0) + 1, claim: services.identifiers.next())
            let expectation: CatalogExpectation = current.map { .revision($0.revision) } ?? .absent
            let change = try TransferStore.put(key, claim, expecting: expectation)
            guard try await services.store.commit(claiming: change, of: task) else { continue }
            guard let mine = try await services.store.get(key, as: OwnerRecord.self), mine.record.claim == claim.claim
            else { continue }
            return TaskOwnership(task: task, epoch: claim.epoch, revision: mine.revision)
        }
        throw CatalogError(.unavailable, key: key, "others claim the task all the time")
    }

    /// The change that takes the task from whoever owns it, for a commit that already excludes others.
    static func revocation(after current: OwnerRecord?, claim: String) -> OwnerRecord {
        OwnerRecord(epoch: (current?.epoch ?? 0) + 1, claim: claim)
    }
}

extension TransferStore {
    /// Commits a claim; false when another one came first, `TaskLost` when the task is no more.
    fileprivate func commit(claiming change: CatalogChange, of task: TransferTaskID) async throws -> Bool {
        do {
            try await catalog.commit([.require(TransferKeys.task(task), .present), change])
            return true
        } catch let error {
            if error.code != .conflict { throw error }
            if error.key == TransferKeys.task(task) { throw TaskLost() }
            return false
        }
    }

    /// Commits for the owner of a task.
    /// - Throws: `TaskLost` when the task has another owner by now, else the catalog's error.
    func commit(_ changes: [CatalogChange], as owner: TaskOwnership) async throws {
        do {
            try await catalog.commit([owner.condition] + changes)
        } catch let error {
            if error.code == .conflict, error.key == TransferKeys.owner(owner.task) { throw TaskLost() }
            throw error
        }
    }
}

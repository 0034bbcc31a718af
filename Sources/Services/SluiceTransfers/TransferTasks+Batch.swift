internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// Starts tasks by id or name. All are resolved first: an unknown one, or one that is named twice, is refused
    /// by name and nothing changes. Those that run already stay as they are. The new state is visible when this returns.
    package func start(
        _ references: [String], on stream: String, in project: ProjectID
    ) async throws(TransferError) {
        try await move(references, on: stream, in: project, by: .start)
    }

    /// Stops tasks by id or name, as `start` resolves them; returns when none of them can write any more.
    package func stop(
        _ references: [String], on stream: String, in project: ProjectID
    ) async throws(TransferError) {
        try await move(references, on: stream, in: project, by: .stop)
    }

    private func move(
        _ references: [String], on reference: String, in project: ProjectID, by event: TaskEvent
    ) async throws(TransferError) {
        guard !references.isEmpty else { throw OBSDestination.invalid("tasks must not be empty") }
        let stream = try await stream(reference, in: project)
        try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            let members = try await self.members(of: stream.id)?.record.tasks ?? []
            var ids: [TransferTaskID] = []
            for reference in references {
                guard let id = Self.find(reference, among: members) else {
                    throw TransferError(.taskNotFound, "[\(reference)]")
                }
                guard !ids.contains(id) else {
                    throw OBSDestination.invalid("tasks names \(reference) more than once")
                }
                ids.append(id)
            }
            var changes: [CatalogChange] = []
            var moved: [TransferTaskID] = []
            for id in ids {
                guard var status = try await get(TransferKeys.status(id), as: StatusRecord.self) else {
                    throw TransferError(.damaged, "task \(id) has no state")
                }
                // A runner that is ending because of a fault must have ended before its task can start again.
                if event == .start, !status.record.state.isActive {
                    await board.halt(.task(id))
                    status = try await get(TransferKeys.status(id), as: StatusRecord.self) ?? status
                }
                let state = status.record.state.after(event)
                guard state != status.record.state else { continue }
                moved.append(id)
                changes.append(try put(TransferKeys.status(id), StatusRecord(state: state, reason: "")))
                changes.append(try await revocation(of: id))
            }
            if !changes.isEmpty { try await commit(changes) }
            for id in ids {
                switch event {
                case .stop: await board.halt(.task(id))
                default: board.launch(.task(id))
                }
            }
        }
    }
}

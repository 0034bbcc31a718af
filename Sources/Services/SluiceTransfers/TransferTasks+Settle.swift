internal import Observability
internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// Has parked records delivered again in the task's present form; returns how many were marked for it. A task that
    /// works begins at once, another when it is started.
    package func replay(
        parkedRecordsOf name: String, on reference: String, in project: ProjectID, _ filter: ParkedFilter
    ) async throws(TransferError) -> Int {
        try await settle(name, reference, project) { id async throws in
            var count = 0
            try await forEachParked(id, filter, after: nil) { partition, found in
                count += try await mark(found.map(\.number), of: partition, id)
                return true
            }
            guard count > 0,
                try await get(TransferKeys.status(id), as: StatusRecord.self)?.record.state.isActive == true
            else { return count }
            try await takeUp(id)
            return count
        }
    }

    /// Has marked records replayed by whoever runs the task here, beside its deliveries; one that another process runs,
    /// which hears of no marks, comes here.
    private func takeUp(_ id: TransferTaskID) async throws(TransferError) {
        let claim = try await get(TransferKeys.owner(id), as: OwnerRecord.self)
        if board.ring(.task(id), ownedAt: claim?.revision) { return }
        // Nothing of a task stays that another process has deleted in this moment.
        try await commit([.require(TransferKeys.task(id), .present), try await revocation(of: id)])
        await board.halt(.task(id))
        board.launch(.task(id))
    }

    /// Forgets parked records for ever and counts them as discarded; returns how many. Those that a replay is delivering
    /// at this moment stay.
    package func discard(
        parkedRecordsOf name: String, on reference: String, in project: ProjectID, _ filter: ParkedFilter
    ) async throws(TransferError) -> Int {
        try await settle(name, reference, project) { id async throws in
            var count = 0
            try await forEachParked(id, filter, after: nil) { partition, found in
                count += try await discard(found.map(\.number), of: partition, id)
                return true
            }
            if count > 0, let task = try? await task(id) {
                TransferMetrics(of: task, in: services.metrics).discarded.increment(by: count)
                services.logger.info("parked records discarded", ["task": task.name, "records": "\(count)"])
            }
            return count
        }
    }

    /// Runs an operation on a task while no other changes the stream's tasks.
    private func settle(
        _ name: String, _ reference: String, _ project: ProjectID,
        _ body: (TransferTaskID) async throws -> Int
    ) async throws(TransferError) -> Int {
        let stream = try await stream(reference, in: project)
        return try await lock.withLock(stream.id.text) { () async throws(TransferError) in
            let id = try await resolve(name, on: stream)
            do {
                return try await body(id)
            } catch let error as CatalogError {
                throw TransferError(error)
            } catch let error as TransferError {
                throw error
            } catch {
                throw TransferError(.unavailable, "\(error)")
            }
        }
    }

    /// Attempts before an operation gives way to others that change the same records all the time.
    private static let settleAttempts = 10

    /// Marks those that are still parked; returns how many.
    private func mark(_ numbers: [Int64], of partition: PartitionNumber, _ id: TransferTaskID) async throws -> Int {
        let store = services.store
        for _ in 0..<Self.settleAttempts {
            let replay = try await store.get(TransferKeys.replay(id), as: ReplayRecord.self)
            let mark = ReplayMark(after: replay?.record.number ?? 0)
            var changes: [CatalogChange] = [
                .require(TransferKeys.replay(id), replay.map { .revision($0.revision) } ?? .absent)
            ]
            for number in numbers {
                let key = TransferKeys.parked(id, partition, number)
                guard try await store.catalog.get(key) != nil else { continue }
                changes.append(.require(key, .present))
                changes.append(try TransferStore.put(TransferKeys.mark(id, partition, number), mark))
            }
            do {
                try await store.catalog.commit(changes)
                return changes.count / 2
            } catch let error {
                if error.code != .conflict { throw error }
            }
        }
        throw TransferError(.unavailable, "others change the parked records all the time")
    }

    private func discard(
        _ numbers: [Int64], of partition: PartitionNumber, _ id: TransferTaskID
    ) async throws -> Int {
        let store = services.store
        for _ in 0..<Self.settleAttempts {
            let replay = try await store.get(TransferKeys.replay(id), as: ReplayRecord.self)
            var taken: Set<Int64> = []
            if let plan = replay?.record.plan, plan.partition == partition.value {
                taken = Set(plan.objects.flatMap(\.numbers))
            }
            let settled = try await store.get(TransferKeys.settled(id, partition), as: SettledRecord.self)
            var changed = settled?.record ?? SettledRecord()
            var changes: [CatalogChange] = [
                .require(TransferKeys.replay(id), replay.map { .revision($0.revision) } ?? .absent)
            ]
            var count = 0
            for number in numbers where !taken.contains(number) {
                let key = TransferKeys.parked(id, partition, number)
                guard let entry = try await store.get(key, as: ParkedEntry.self) else { continue }
                count += 1
                changed.discarded += 1
                changed.bytes += entry.record.bytes
                changes += Self.removal(ofParked: number, of: partition, id, expecting: .revision(entry.revision))
            }
            guard count > 0 else { return 0 }
            changes.append(
                try TransferStore.put(
                    TransferKeys.settled(id, partition), changed,
                    expecting: settled.map { .revision($0.revision) } ?? .absent))
            do {
                try await store.catalog.commit(changes)
                return count
            } catch let error {
                if error.code != .conflict { throw error }
            }
        }
        throw TransferError(.unavailable, "others change the parked records all the time")
    }

    static func removal(
        ofParked number: Int64, of partition: PartitionNumber, _ id: TransferTaskID, expecting: CatalogExpectation
    ) -> [CatalogChange] {
        [
            .delete(TransferKeys.parked(id, partition, number), expecting: expecting),
            .delete(TransferKeys.parkedData(id, partition, number)),
            .delete(TransferKeys.mark(id, partition, number)),
        ]
    }
}

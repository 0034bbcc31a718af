internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// The stream's tasks in the order of their creation.
    package func list(on reference: String, in project: ProjectID) async throws(TransferError) -> [TransferTaskSummary]
    {
        let stream = try await stream(reference, in: project)
        var found: [TransferTaskSummary] = []
        for member in try await members(of: stream.id)?.record.tasks ?? [] {
            let id = TransferTaskID(member.id)
            let progress = try await progress(of: id).values
            do {
                found.append(try await summary(of: id, progress: Array(progress)))
            } catch {
                if error.code == .taskNotFound { continue }  // deleted while this list was made
                throw error
            }
        }
        return found
    }

    /// One task by name or id, with its partitions.
    package func show(
        _ name: String, on reference: String, in project: ProjectID
    ) async throws(TransferError) -> TransferTaskDetails {
        let stream = try await stream(reference, in: project)
        let id = try await resolve(name, on: stream)
        let progress = try await progress(of: id)
        let settled = try await settled(of: id)
        let summary = try await summary(of: id, progress: Array(progress.values))
        var partitions: [PartitionTransfer] = []
        for partition in stream.partitions {
            let record = progress[partition.number] ?? .beginning(at: 0)
            let settled = settled[partition.number] ?? SettledRecord()
            let id = PartitionID(stream: stream.id, number: partition.number)
            let bounds = try? services.log.bounds(of: id)
            partitions.append(
                PartitionTransfer(
                    number: partition.number, status: partition.status, hashRange: partition.hashRange,
                    parents: partition.parents, bounds: bounds.map { $0.first...$0.next }, state: summary.state,
                    start: record.start.map { SequenceNumber($0) }, next: SequenceNumber(record.next),
                    lastTransferAt: record.lastTransferAt.map { Timestamp(milliseconds: $0) },
                    lastDelivered: SequenceNumber(record.lastDelivered),
                    discarded: record.discarded + settled.discarded,
                    delivered: record.delivered + settled.replayed,
                    deliveredBytes: (record.deliveredBytes ?? 0) + (settled.objectBytes ?? 0),
                    parked: record.parked - settled.count,
                    lag: await lagReader.lag(in: id, from: SequenceNumber(record.next))))
        }
        return TransferTaskDetails(
            summary: summary, dataSchema: stream.dataSchema, partitions: partitions,
            lastObject: try await lastObject(of: id, progress))
    }

    /// The object that was delivered last, by the latest delivery of any partition.
    private func lastObject(
        of id: TransferTaskID, _ progress: [PartitionNumber: ProgressRecord]
    ) async throws(TransferError) -> String? {
        let inOrder = progress.sorted { $0.key < $1.key }
        guard let latest = inOrder.max(by: { ($0.value.lastTransferAt ?? -1) < ($1.value.lastTransferAt ?? -1) }),
            latest.value.lastDelivered >= 0
        else { return nil }
        let key = TransferKeys.delivery(id, latest.key, last: SequenceNumber(latest.value.lastDelivered))
        return try await get(key, as: DeliveryRecord.self)?.record.object
    }

    func resolve(_ name: String, on stream: StreamDescription) async throws(TransferError) -> TransferTaskID {
        guard let id = Self.find(name, among: try await members(of: stream.id)?.record.tasks ?? []) else {
            throw TransferError(.taskNotFound, "[\(name)]")
        }
        return id
    }

    private func summary(
        of id: TransferTaskID, progress: [ProgressRecord]
    ) async throws(TransferError) -> TransferTaskSummary {
        let task = try await task(id)
        guard let status = try await get(TransferKeys.status(id), as: StatusRecord.self)?.record else {
            throw TransferError(.taskNotFound, "[\(id)]")
        }
        return TransferTaskSummary(
            task: task, state: status.state, reason: status.reason,
            lastTransferAt: progress.compactMap(\.lastTransferAt).max().map { Timestamp(milliseconds: $0) })
    }

    func progress(of id: TransferTaskID) async throws(TransferError) -> [PartitionNumber: ProgressRecord] {
        try await byPartition(under: TransferKeys.progress(id))
    }

    func settled(of id: TransferTaskID) async throws(TransferError) -> [PartitionNumber: SettledRecord] {
        try await byPartition(under: TransferKeys.settled(id))
    }

    private func byPartition<Record: TransferRecord>(
        under prefix: CatalogKey
    ) async throws(TransferError) -> [PartitionNumber: Record] {
        do {
            var found: [PartitionNumber: Record] = [:]
            for (key, record) in try await services.store.all(under: prefix, as: Record.self) {
                guard let number = Int(key.text.suffix(10)) else { continue }
                found[PartitionNumber(number)] = record
            }
            return found
        } catch {
            throw TransferError(error)
        }
    }
}

internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// Deliveries of a task that fit every condition of the filter, at most `limit` (1 to 1000) a page; `after` is a
    /// page's `next`. Those of one object or one record are never more than a page.
    package func deliveries(
        of name: String, on reference: String, in project: ProjectID, filter: DeliveryFilter = DeliveryFilter(),
        after: String? = nil, limit: Int = 100
    ) async throws(TransferError) -> DeliveryPage {
        let stream = try await stream(reference, in: project)
        let id = try await resolve(name, on: stream)
        do {
            guard filter.sequenceNumber == nil || filter.partition != nil else {
                throw OBSDestination.invalid("sequence_number needs partition_id")
            }
            if let object = filter.object { return try await delivery(of: object, filter, id) }
            if let number = filter.sequenceNumber, let partition = filter.partition {
                return try await deliveries(holding: number, in: partition, filter, id)
            }
            if filter.from != nil || filter.until != nil {
                return try await deliveriesByTime(filter, id, after: after, limit: limit)
            }
            let prefix = filter.partition.map { TransferKeys.deliveries(id, $0) } ?? TransferKeys.deliveries(id)
            let start = try after.map { token throws(TransferError) in
                try Self.key(token, below: TransferKeys.deliveries(id))
            }
            var reader = LedgerReader(services.store.catalog, prefix: prefix, after: start)
            var entries: [(key: CatalogKey, delivery: Delivery)] = []
            while entries.count <= limit {
                let page = try await reader.next(atMost: limit + 1 - entries.count)
                guard !page.isEmpty else { break }
                entries += page.map { ($0.key, Delivery($0.record)) }
            }
            let next = entries.count > limit ? entries[limit - 1].key.text : nil
            return DeliveryPage(
                deliveries: entries.prefix(limit).map(\.delivery),
                next: next.map { String($0.dropFirst(TransferKeys.deliveries(id).text.count)) })
        } catch let error as CatalogError {
            throw TransferError(error)
        } catch let error as TransferError {
            throw error
        } catch {
            throw TransferError(.unavailable, "\(error)")
        }
    }

    static func key(_ token: String, below prefix: CatalogKey) throws(TransferError) -> CatalogKey {
        guard token.utf8.count <= 64, token.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2F }) else {
            throw OBSDestination.invalid("next is not one that a page has given")
        }
        return CatalogKey(prefix.text + token)
    }

    private func delivery(
        of object: String, _ filter: DeliveryFilter, _ id: TransferTaskID
    ) async throws -> DeliveryPage {
        let store = services.store
        guard
            let pointer = try await store.get(TransferKeys.deliveryObject(id, object), as: DeliveryPointer.self)?
                .record,
            let found = try await store.delivery(pointer, of: id), found.fits(filter)
        else { return DeliveryPage(deliveries: [], next: nil) }
        return DeliveryPage(deliveries: [Delivery(found)], next: nil)
    }

    /// Entries lie by their last number, so those that may hold a number begin at the first one not before it and end
    /// where a whole delivery lies behind it. A replay may hold any numbers: each has a pointer.
    private func deliveries(
        holding number: SequenceNumber, in partition: PartitionNumber, _ filter: DeliveryFilter, _ id: TransferTaskID
    ) async throws -> DeliveryPage {
        let prefix = TransferKeys.deliveries(id, partition)
        let after: CatalogKey? =
            number.value > 0
            ? TransferKeys.delivery(id, partition, last: SequenceNumber(number.value - 1)) : nil
        var found: [Delivery] = []
        let replayed = TransferKeys.replayed(id, partition, number.value)
        if let pointer = try await services.store.get(replayed, as: DeliveryPointer.self)?.record,
            let record = try await services.store.delivery(pointer, of: id), record.fits(filter)
        {
            found.append(Delivery(record))
        }
        var reader = LedgerReader(services.store.catalog, prefix: prefix, after: after)
        while true {
            let page = try await reader.next(atMost: 100)
            guard !page.isEmpty else { return DeliveryPage(deliveries: found, next: nil) }
            for entry in page {
                guard entry.record.replay == nil else { continue }
                if entry.record.deliveryFirst > number.value { return DeliveryPage(deliveries: found, next: nil) }
                if entry.record.fits(filter) { found.append(Delivery(entry.record)) }
            }
        }
    }

    private func deliveriesByTime(
        _ filter: DeliveryFilter, _ id: TransferTaskID, after: String?, limit: Int
    ) async throws -> DeliveryPage {
        let prefix = TransferKeys.deliveryTimes(id)
        var start = CatalogKey(
            prefix.text + max(0, filter.from?.milliseconds ?? 0).padded(to: 16))
        if let after { start = try Self.key(after, below: prefix) }
        var found: [Delivery] = []
        while true {
            let page = try await services.store.catalog.list(prefix: prefix, after: start, limit: limit + 1)
            for entry in page {
                let pointer = try TransferStore.decode(entry, as: DeliveryPointer.self)
                let time = Int64(entry.key.text.dropFirst(prefix.text.count).prefix(16)) ?? 0
                if let until = filter.until, time >= until.milliseconds {
                    return DeliveryPage(deliveries: found, next: nil)
                }
                let partition = PartitionNumber(pointer.partition)
                guard filter.partition.map({ $0 == partition }) ?? true else {
                    start = entry.key
                    continue
                }
                if found.count == limit {
                    return DeliveryPage(deliveries: found, next: String(start.text.dropFirst(prefix.text.count)))
                }
                if let record = try await services.store.delivery(pointer, of: id) {
                    found.append(Delivery(record))
                }
                start = entry.key
            }
            guard page.count > limit else { return DeliveryPage(deliveries: found, next: nil) }
        }
    }

    /// The dump log of a task of the project by its id, oldest first; at most `TransferSettings.dumpLogEntries`.
    package func dumpLog(of id: TransferTaskID, in project: ProjectID) async throws(TransferError) -> [DumpLogEntry] {
        guard let task = try await get(TransferKeys.task(id), as: TaskRecord.self)?.record,
            task.project == project.text
        else { throw TransferError(.taskNotFound, "[\(id)]") }
        do {
            return try await services.store.all(under: TransferKeys.dumpLog(id), as: DumpLogRecord.self)
                .map(\.record).sorted { $0.number < $1.number }.map { record in
                    DumpLogEntry(
                        startedAt: Timestamp(milliseconds: record.startedAt),
                        endedAt: Timestamp(milliseconds: record.endedAt), state: record.state, records: record.records,
                        bytes: record.bytes, object: record.object, message: record.message)
                }
        } catch {
            throw TransferError(error)
        }
    }
}

extension DeliveryRecord {
    fileprivate func fits(_ filter: DeliveryFilter) -> Bool {
        (filter.partition.map { $0.value == partition } ?? true)
            && (filter.sequenceNumber.map { holds($0.value) } ?? true)
            && (filter.object.map { $0 == object } ?? true)
            && (filter.from.map { deliveredAt >= $0.milliseconds } ?? true)
            && (filter.until.map { deliveredAt < $0.milliseconds } ?? true)
    }
}

extension Delivery {
    init(_ record: DeliveryRecord) {
        self.init(
            object: record.object, partition: PartitionNumber(record.partition), first: SequenceNumber(record.first),
            last: SequenceNumber(record.last), records: record.records, bytes: record.bytes, crc32c: record.crc32c,
            deliveredAt: Timestamp(milliseconds: record.deliveredAt),
            destination: record.place.map { SinkPlace($0).description })
    }
}

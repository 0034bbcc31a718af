internal import SluiceCore
internal import SluiceLog
internal import SluicePorts
internal import SluiceStreams
internal import SluiceTransfers

/// What must hold at the end of every run: acknowledged records are where clients were told, each stored record is in
/// exactly one object, in order, byte for byte, or parked once, no object holds anything else, and the ledger says the
/// same both ways.
struct DeliveryVerdict: Sendable {
    let world: SimulatedWorld
    let plan: SimulationPlan
    let process: SimulatedProcess

    struct Place {
        let partition: Int
        let number: Int64
        let data: [UInt8]
    }

    /// The first rule that is broken; nil when all hold.
    func failure() async throws -> String? {
        guard let stream = try await process.streams.describe(SimulatedProcess.stream, in: world.project) else {
            return "the stream is gone"
        }
        let stored = try await readLog(of: stream.id).merging(world.overtaken) { kept, _ in kept }
        for told in world.acknowledged {
            guard let place = stored[told.record] else { return "the acknowledged record \(told.record) is lost" }
            guard place.partition == told.partition, place.number == told.number else {
                return "the record \(told.record) is not where its client was told"
            }
        }
        if plan.usesParquet { return try await ParquetVerdict(world: world, process: process).failure(stored) }
        var holders: [String: [Int64]] = [:]
        if let reason = check(world.objects, against: stored, &holders) { return reason }
        if let reason = try await checkDiscards(holders, stored) { return reason }
        return try await checkLedger(holders)
    }

    // MARK: The log

    private func readLog(of stream: StreamID) async throws -> [String: Place] {
        var stored: [String: Place] = [:]
        for number in 0..<plan.partitions {
            let partition = PartitionID(stream: stream, number: PartitionNumber(number))
            let bounds = try process.log.bounds(of: partition)
            let records = try await Self.records(of: partition, from: bounds.first, to: bounds.next, in: process.log)
            try stored.merge(records) { place, _ in
                throw SimulationFailure("the log holds the record \(Self.name(of: place.data[...])) twice")
            }
        }
        return stored
    }

    /// The records of a range by their names.
    static func records(
        of partition: PartitionID, from first: SequenceNumber, to end: SequenceNumber, in log: LocalLog
    ) async throws -> [String: Place] {
        var records: [String: Place] = [:]
        var position = first
        while position < end {
            for batch in try await log.read(partition, from: position, limit: .mebibytes(1)) where position < end {
                let skipped = position.distance(from: batch.first)
                try unsafe batch.batch.forEachRecord { index, record in
                    guard index >= skipped, position < end else { return true }
                    let data = unsafe Array(record.data)
                    let place = Place(partition: partition.number.value, number: position.value, data: data)
                    position = position.advanced(by: 1)
                    if records.updateValue(place, forKey: name(of: data[...])) != nil {
                        throw SimulationFailure("the log holds the record \(name(of: data[...])) twice")
                    }
                    return true
                }
            }
        }
        return records
    }

    /// The name that the client gave a record.
    static func name(of line: ArraySlice<UInt8>) -> String {
        String(decoding: line.dropFirst(7).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }

    // MARK: The objects

    private func check(
        _ objects: [String: [UInt8]], against stored: [String: Place], _ holders: inout [String: [Int64]]
    ) -> String? {
        var seen: [String: String] = [:]
        for (key, bytes) in objects.sorted(by: { $0.key < $1.key }) {
            var before: Place?
            var numbers: [Int64] = []
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                let name = Self.name(of: line)
                if let other = seen.updateValue(key, forKey: name) {
                    return "record \(name) is in \(other) and in \(key)"
                }
                guard let place = stored[name] else { return "\(key) holds \(name), which the log does not" }
                guard place.data.elementsEqual(line) else { return "record \(name) has other bytes in \(key)" }
                if let before {
                    guard place.partition == before.partition, place.number > before.number else {
                        return "the records of \(key) are not in order"
                    }
                    guard plan.usesRecordTime || place.number == before.number + 1 else {
                        return "\(key) leaves a record out"
                    }
                }
                before = place
                numbers.append(place.number)
            }
            // An object that retention has cut down keeps its name.
            guard plan.trims || key.hasSuffix("_\(numbers.count).txt") else {
                return "\(key) holds \(numbers.count) records"
            }
            holders[key] = numbers
        }
        let overtaken = world.overtaken
        for name in stored.keys.sorted() where seen[name] == nil && overtaken[name] == nil {
            return "record \(name) is in no object"
        }
        return nil
    }

    /// What retention has taken before it was delivered is counted, one by one.
    private func checkDiscards(_ holders: [String: [Int64]], _ stored: [String: Place]) async throws -> String? {
        guard plan.trims else { return nil }
        let task = try await process.tasks.show("t", on: SimulatedProcess.stream, in: world.project)
        let discarded = task.partitions.reduce(0) { $0 + $1.discarded }
        var starts: [Int: Int64] = [:]
        for partition in task.partitions { starts[partition.number.value] = partition.start?.value }
        let wanted = stored.values.count { $0.number >= starts[$0.partition] ?? 0 }
        let missing = wanted - holders.values.reduce(0) { $0 + $1.count }
        return missing == discarded
            ? nil : "\(missing) records are in no object, \(discarded) count as discarded"
    }

    // MARK: The ledger

    private func checkLedger(_ holders: [String: [Int64]]) async throws -> String? {
        var deliveries: [Delivery] = []
        var next: String?
        let pageSize = world.numbers.chance(10) ? 3 : 500
        repeat {
            let page = try await process.tasks.deliveries(
                of: "t", on: SimulatedProcess.stream, in: world.project, after: next, limit: pageSize)
            deliveries += page.deliveries
            next = page.next
        } while next != nil
        guard deliveries.count == holders.count, Set(deliveries.map(\.object)) == Set(holders.keys) else {
            return "the ledger names other objects than there are"
        }
        let objects = world.objects
        for delivery in deliveries {
            let bytes = objects[delivery.object] ?? []
            let numbers = holders[delivery.object] ?? []
            guard bytes.count == delivery.bytes, CRC32C.checksum(bytes) == delivery.crc32c,
                delivery.records == numbers.count, delivery.first.value == numbers.first,
                delivery.last.value == numbers.last
            else { return "\(delivery.object) is not what the ledger says" }
        }
        // Both ways of asking, for some of them.
        let samples = min(deliveries.count, 3)
        for _ in 0..<samples {
            let delivery = deliveries[world.numbers.below(deliveries.count)]
            let numbers = holders[delivery.object] ?? []
            var filter = DeliveryFilter()
            filter.partition = delivery.partition
            filter.sequenceNumber = SequenceNumber(numbers[world.numbers.below(numbers.count)])
            guard try await objectNames(filter) == [delivery.object] else {
                return "record \(filter.sequenceNumber?.value ?? -1) is not where the ledger says"
            }
            filter = DeliveryFilter()
            filter.object = delivery.object
            guard try await objectNames(filter) == [delivery.object] else {
                return "the ledger does not find \(delivery.object)"
            }
        }
        return nil
    }

    private func objectNames(_ filter: DeliveryFilter) async throws -> [String] {
        try await process.tasks.deliveries(
            of: "t", on: SimulatedProcess.stream, in: world.project, filter: filter
        ).deliveries.map(\.object)
    }
}

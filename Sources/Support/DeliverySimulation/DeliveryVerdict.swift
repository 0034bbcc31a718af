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
        let stored = try await readLog(of: stream.id)
        for told in world.acknowledged {
            guard let place = stored[told.record] else { return "the acknowledged record \(told.record) is lost" }
            guard place.partition == told.partition, place.number == told.number else {
                return "the record \(told.record) is not where its client was told"
            }
        }
        if plan.usesParquet { return try await ParquetVerdict(world: world, process: process).failure(stored) }
        var holders: [String: [Int64]] = [:]
        if let reason = check(world.objects, against: stored, &holders) { return reason }
        return try await checkLedger(holders)
    }

    // MARK: The log

    private func readLog(of stream: StreamID) async throws -> [String: Place] {
        var stored: [String: Place] = [:]
        for number in 0..<plan.partitions {
            let partition = PartitionID(stream: stream, number: PartitionNumber(number))
            let bounds = try process.log.bounds(of: partition)
            var position = bounds.first
            while position < bounds.next {
                for batch in try await process.log.read(partition, from: position, limit: .mebibytes(1)) {
                    try unsafe batch.batch.forEachRecord { index, record in
                        let data = unsafe Array(record.data)
                        let place = Place(
                            partition: number, number: batch.first.advanced(by: index).value, data: data)
                        if stored.updateValue(place, forKey: Self.name(of: data[...])) != nil {
                            throw SimulationFailure("the log holds the record \(Self.name(of: data[...])) twice")
                        }
                        return true
                    }
                    position = batch.next
                }
            }
        }
        return stored
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
            guard key.hasSuffix("_\(numbers.count).txt") else { return "\(key) holds \(numbers.count) records" }
            holders[key] = numbers
        }
        for name in stored.keys.sorted() where seen[name] == nil { return "record \(name) is in no object" }
        return nil
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

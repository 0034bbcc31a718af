internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts
internal import SluiceTransfers

/// The verdict where records may be parked: the ledger and the list of parked records hold each record once between
/// them, each object is what its records make in one of the stream's forms, and there are no other objects but those of
/// the error directory, which hold stored records.
struct ParquetVerdict: Sendable {
    let world: SimulatedWorld
    let process: SimulatedProcess

    private struct Number: Hashable {
        let partition: Int
        let number: Int64
    }

    /// The first rule that is broken; nil when all hold.
    func failure(_ stored: [String: DeliveryVerdict.Place]) async throws -> String? {
        let records = stored.values.sorted { ($0.partition, $0.number) < ($1.partition, $1.number) }
        var parked: Set<Number> = []
        let page = try await process.tasks.parkedRecords(
            of: "t", on: SimulatedProcess.stream, in: world.project, limit: 1000)
        let data = Dictionary(
            uniqueKeysWithValues: records.map { (Number(partition: $0.partition, number: $0.number), $0.data) })
        for record in page.records {
            let number = Number(partition: record.partition.value, number: record.number.value)
            guard parked.insert(number).inserted else { return "\(number) is parked twice" }
            guard data[number] == record.data else { return "\(number) is parked with other bytes" }
        }
        guard page.total == parked.count else {
            return "\(page.total) records are said to be parked, not \(parked.count)"
        }
        var contents: [String: [DeliveryVerdict.Place]] = [:]
        for record in records {
            let number = Number(partition: record.partition, number: record.number)
            let holders = try await holders(of: number)
            guard holders.count + (parked.contains(number) ? 1 : 0) == 1 else {
                return "\(number) is in \(holders), and \(parked.contains(number) ? "" : "not ")parked"
            }
            for holder in holders { contents[holder, default: []].append(record) }
        }
        return try await check(contents, stored)
    }

    private func holders(of number: Number) async throws -> [String] {
        var filter = DeliveryFilter()
        filter.partition = PartitionNumber(number.partition)
        filter.sequenceNumber = SequenceNumber(number.number)
        return try await process.tasks.deliveries(
            of: "t", on: SimulatedProcess.stream, in: world.project, filter: filter
        ).deliveries.map(\.object)
    }

    private func check(
        _ contents: [String: [DeliveryVerdict.Place]], _ stored: [String: DeliveryVerdict.Place]
    ) async throws -> String? {
        var deliveries: [Delivery] = []
        var next: String?
        repeat {
            let page = try await process.tasks.deliveries(
                of: "t", on: SimulatedProcess.stream, in: world.project, after: next, limit: 100)
            deliveries += page.deliveries
            next = page.next
        } while next != nil
        var objects = world.objects
        for delivery in deliveries {
            guard let bytes = objects.removeValue(forKey: delivery.object) else {
                return "\(delivery.object) is in the ledger twice, or nowhere"
            }
            let records = contents[delivery.object] ?? []
            guard bytes.count == delivery.bytes, CRC32C.checksum(bytes) == delivery.crc32c,
                delivery.records == records.count, delivery.first.value <= records.first?.number ?? -1,
                delivery.last.value >= records.last?.number ?? .max
            else { return "\(delivery.object) is not what the ledger says" }
            guard try Self.forms.contains(where: { try Self.encode(records, as: $0) == bytes }) else {
                return "\(delivery.object) does not hold the records of the ledger"
            }
        }
        for (key, bytes) in objects.sorted(by: { $0.key < $1.key }) {
            guard key.contains("error/") else { return "\(key) is in no ledger" }
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                guard stored[DeliveryVerdict.name(of: line)]?.data.elementsEqual(line) ?? false else {
                    return "\(key) holds a line that is no record"
                }
            }
        }
        return nil
    }

    private static let forms = [SimulatedSchema.first, SimulatedSchema.mended]

    /// The object that the records make; nil when one of them does not convert.
    private static func encode(_ records: [DeliveryVerdict.Place], as schema: String) throws -> [UInt8]? {
        var file = try ParquetFile(
            schema: try ParquetSchema(try AvroSchema(parsing: schema)), codec: .none,
            rowGroupSize: TransferSettings().parquetRowGroupSize)
        for record in records {
            do {
                try file.append(record.data)
            } catch {
                return nil
            }
        }
        var bytes = file.takeOutput()
        bytes += try file.finish()
        return bytes
    }
}

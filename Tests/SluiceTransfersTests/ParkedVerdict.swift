import SluiceCatalog
import SluiceCore
import SluiceFormats
import SluicePorts
import SluiceTesting
import Testing

@testable import SluiceTransfers

/// A stream of JSON whose task writes columns, with records that do not convert.
struct ParkedHouse: Sendable {
    static let narrow = #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#
    static let wide = #"{"type":"record","name":"R","fields":[{"name":"a","type":["int","string"]}]}"#
    static let good = #"{"a":1}"#
    static let wrong = #"{"a":"x"}"#
    static let junk = "junk"

    let house: TestHouse
    let bucket: ByteBucket

    init(
        catalog: any Catalog = MemoryCatalog(), configure: @escaping (inout TransferSettings) -> Void = { _ in }
    ) async throws {
        bucket = ByteBucket()
        house = try await TestHouse(
            dataType: .json, schema: Self.narrow, catalog: catalog, bucket: bucket, configure: configure)
    }

    func descriptor(_ change: (inout OBSDescriptor) -> Void = { _ in }) -> OBSDescriptor {
        house.descriptor {
            $0.destinationFileType = "parquet"
            change(&$0)
        }
    }

    func create(_ change: (inout OBSDescriptor) -> Void = { _ in }) async throws {
        try await house.tasks.create(descriptor(change), on: "meters", in: house.project)
    }

    /// The same service by another process, over the same outside.
    func service(
        _ mortality: Mortality = Mortality(dyingAfter: nil), objectSize: ByteCount = ByteCount(40)
    ) -> TransferTasks {
        var settings = TransferSettings()
        settings.minimumDeliverIntervalSeconds = 1
        settings.objectSizeMax = objectSize
        settings.readSize = ByteCount(60)
        return TransferTasks(
            catalog: MortalCatalog(catalog: house.catalog, mortality: mortality), log: house.log,
            streams: house.streams, sinks: MortalBucket(bucket: bucket, mortality: mortality), time: house.time,
            settings: settings)
    }

    var end: SequenceNumber {
        get throws { try house.log.bounds(of: house.partition(0)).next }
    }

    func isDelivered() async throws -> Bool { try await house.show().partitions[0].next == end }

    func parked(_ filter: ParkedFilter = ParkedFilter()) async throws -> [ParkedRecord] {
        var records: [ParkedRecord] = []
        var next: String?
        repeat {
            let page = try await house.tasks.parkedRecords(
                of: "to-lake", on: "meters", in: house.project, filter: filter, after: next, limit: 3)
            records += page.records
            next = page.next
        } while next != nil
        return records
    }

    func replay(_ filter: ParkedFilter = ParkedFilter()) async throws -> Int {
        try await house.tasks.replay(parkedRecordsOf: "to-lake", on: "meters", in: house.project, filter)
    }

    func discard(_ filter: ParkedFilter = ParkedFilter()) async throws -> Int {
        try await house.tasks.discard(parkedRecordsOf: "to-lake", on: "meters", in: house.project, filter)
    }

    /// What is wrong: a record that is in no object, in two, or in one and parked; an object that does not hold what its
    /// entry says. Nil when all is well.
    func verdict(discarded: Int = 0) async throws -> String? {
        let records = try await records()
        let task = try await house.show()
        var places: [Int64: [String]] = [:]
        let id = task.summary.task.id
        let services = house.tasks.services
        let entries = try await services.store.all(under: TransferKeys.deliveries(id), as: DeliveryRecord.self)
            .map(\.record)
        for entry in entries {
            let numbers = (entry.first...entry.last).filter { entry.holds($0) }
            guard numbers.count == entry.records else {
                return "\(entry.object) does not hold \(entry.records) records"
            }
            for number in numbers { places[number, default: []].append(entry.object) }
            let form = try await services.form(entry.form, of: id).form
            guard try encode(numbers.map { records[Int($0)] }, form) == bucket.objects[entry.object] else {
                return "\(entry.object) is not what its entry says"
            }
        }
        let parked = try await parked()
        for record in parked {
            guard record.data == Array(records[Int(record.number.value)].utf8) else { return "wrong data parked" }
            places[record.number.value, default: []].append("parked")
        }
        var missing = 0
        for number in 0..<(try end.value) {
            let found = places[number] ?? []
            if found.isEmpty { missing += 1 }
            if found.count > 1 { return "record \(number) is in \(found)" }
            var filter = DeliveryFilter()
            filter.partition = PartitionNumber(0)
            filter.sequenceNumber = SequenceNumber(number)
            let told = try await house.tasks.deliveries(
                of: "to-lake", on: "meters", in: house.project, filter: filter)
            guard told.deliveries.map(\.object) == found.filter({ $0 != "parked" }) else {
                return "the ledger says that record \(number) is in \(told.deliveries.map(\.object))"
            }
        }
        guard missing == discarded else { return "\(missing) records are nowhere" }
        let partition = task.partitions[0]
        guard partition.parked == parked.count, partition.discarded == discarded,
            partition.delivered == entries.reduce(0, { $0 + $1.records }),
            partition.delivered + partition.parked + partition.discarded == Int(partition.next.value)
        else { return "the counts do not add up: \(partition)" }
        let data = bucket.objects.keys.filter { !$0.contains("error/") }
        guard Set(data) == Set(entries.map(\.object)) else { return "there are other objects than the ledger names" }
        return nil
    }

    private func encode(_ records: [String], _ form: DeliveryForm) throws -> [UInt8] {
        var encoder = try ObjectEncoder(ObjectFormat(form))
        for record in records { try unsafe Array(record.utf8).withUnsafeBytes { try unsafe encoder.append($0) } }
        return try encoder.finish()
    }

    private func records() async throws -> [String] {
        var reader = RangeReader(
            log: house.log, partition: house.partition(0), range: .zero...(try end.advanced(by: -1)),
            readSize: .mebibytes(1))
        var records: [String] = []
        while let portion = try await reader.next() {
            try unsafe portion.forEach { _, record in
                records.append(String(decoding: unsafe record.data, as: UTF8.self))
            }
        }
        return records
    }
}

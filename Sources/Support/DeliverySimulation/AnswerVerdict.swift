internal import SluiceCore
internal import SluicePorts
internal import SluiceTransfers

/// What the service answers about a living task must agree with what it has stored: its figures, its ledger in both
/// directions, its parked records, and its own verification.
struct AnswerVerdict: Sendable {
    let world: SimulatedWorld
    let process: SimulatedProcess
    let stream: String
    let evidence: TaskEvidence

    private var tasks: TransferTasks { process.tasks }
    private var name: String { evidence.settings.name }

    /// The first rule that is broken; nil when all hold.
    func failure() async throws -> String? {
        if let reason = try await checkFigures() { return reason }
        if let reason = try await checkLedger() { return reason }
        if let reason = try await checkParked() { return reason }
        return try await checkVerification()
    }

    private func checkFigures() async throws -> String? {
        let task = try await tasks.show(name, on: stream, in: world.project)
        guard task.lag.records == 0, task.lag.bytes == .zero, task.lag.oldest == nil else {
            return "the task lags by \(task.lag) and has delivered everything"
        }
        let records = evidence.deliveries.reduce(0) { $0 + $1.records }
        let bytes = evidence.deliveries.reduce(0) { $0 + $1.bytes }
        guard task.parked == evidence.parked.count, task.delivered == records, task.deliveredBytes == bytes
        else { return "the figures are not those of the ledger" }
        if let last = task.lastObject, !evidence.deliveries.contains(where: { $0.object == last }) {
            return "the last object is not in the ledger"
        }
        return nil
    }

    private func checkLedger() async throws -> String? {
        var deliveries: [Delivery] = []
        var next: String?
        let pageSize = world.numbers.chance(10) ? 3 : 500
        repeat {
            let page = try await tasks.deliveries(
                of: name, on: stream, in: world.project, after: next, limit: pageSize)
            deliveries += page.deliveries
            next = page.next
        } while next != nil
        guard deliveries.map(\.object).sorted() == evidence.deliveries.map(\.object).sorted() else {
            return "the ledger is listed otherwise than it is stored"
        }
        guard !evidence.deliveries.isEmpty else { return nil }
        let samplesMax = 3
        for _ in 0..<min(evidence.deliveries.count, samplesMax) {
            let delivery = evidence.deliveries[world.numbers.below(evidence.deliveries.count)]
            let numbers = delivery.numbers
            var filter = DeliveryFilter()
            filter.partition = PartitionNumber(delivery.partition)
            filter.sequenceNumber = SequenceNumber(numbers[world.numbers.below(numbers.count)])
            guard try await objects(filter) == [delivery.object] else {
                return "record \(filter.sequenceNumber?.value ?? -1) is not where the ledger says"
            }
            filter = DeliveryFilter()
            filter.object = delivery.object
            guard try await objects(filter) == [delivery.object] else {
                return "the ledger does not find \(delivery.object)"
            }
        }
        return nil
    }

    private func objects(_ filter: DeliveryFilter) async throws -> [String] {
        try await tasks.deliveries(of: name, on: stream, in: world.project, filter: filter).deliveries.map(\.object)
    }

    /// Parked records are listed as they are stored, and are in no object.
    private func checkParked() async throws -> String? {
        guard !evidence.parked.isEmpty else { return nil }
        let page = try await tasks.parkedRecords(of: name, on: stream, in: world.project, limit: 1000)
        guard page.total == evidence.parked.count, page.records.count == page.total else {
            return "\(page.total) records are said to be parked, not \(evidence.parked.count)"
        }
        for record in page.records {
            let place = RecordPlace(partition: record.partition.value, number: record.number.value)
            guard evidence.parked[place] == record.data else { return "\(place) is not parked as it is listed" }
            var filter = DeliveryFilter()
            filter.partition = record.partition
            filter.sequenceNumber = record.number
            guard try await objects(filter).isEmpty else { return "\(place) is parked and in the ledger" }
        }
        return nil
    }

    private func checkVerification() async throws -> String? {
        guard world.numbers.chance(20) else { return nil }
        var next: String?
        repeat {
            let page = try await tasks.verification(of: name, on: stream, in: world.project, after: next)
            for found in page.verifications where found.state != .ok {
                return "\(found.delivery.object) is \(found.state.rawValue): \(found.message)"
            }
            next = page.next
        } while next != nil
        return nil
    }
}

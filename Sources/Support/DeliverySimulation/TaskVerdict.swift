internal import SluiceCore

/// What must hold of one task, living or deleted, by what the catalog keeps or kept of it: each record from its start to
/// its position is in exactly one object, in order, byte for byte, or parked once, or counted as discarded; the objects
/// are there as the ledger says; the figures agree.
struct TaskVerdict: Sendable {
    let world: SimulatedWorld
    let plan: SimulationPlan
    let evidence: TaskEvidence
    /// What is known of its stream.
    let contents: StreamContents

    /// The first rule that is broken; nil when all hold.
    ///
    /// - Parameter claims: the tasks that have delivered the objects of the store; those of this task are added.
    func failure(_ claims: inout [String: String]) throws -> String? {
        var holders: [RecordPlace: String] = [:]
        for delivery in evidence.deliveries {
            guard let form = delivery.form.flatMap({ evidence.forms[$0] }) else {
                return "the form of \(delivery.object) is not stored"
            }
            let name = SimulatedWorld.objectName(bucket: form.descriptor.obsBucketPath, key: delivery.object)
            if let other = claims.updateValue(evidence.settings.id, forKey: name) {
                return "\(name) is also in the ledger of \(other)"
            }
            let numbers = delivery.numbers
            guard numbers.count == delivery.records, numbers.first == delivery.first || delivery.runs != nil else {
                return "the ledger contradicts itself about \(name)"
            }
            let places = numbers.map { RecordPlace(partition: delivery.partition, number: $0) }
            for place in places {
                if let other = holders.updateValue(name, forKey: place) { return "\(place) is in \(other) and \(name)" }
            }
            let object = ObjectVerdict(world: world, name: name, delivery: delivery, form: form)
            if let reason = try object.failure(places, contents) { return reason }
            if let reason = checkName(delivery, form) { return reason }
        }
        for (place, data) in evidence.parked {
            if let other = holders.updateValue("", forKey: place) { return "\(place) is parked and in \(other)" }
            guard world.sent(StreamContents.name(of: data)) == data, contents.data[place].map({ $0 == data }) ?? true
            else { return "\(place) is parked with other bytes" }
        }
        return try checkRanges(holders) ?? checkFigures()
    }

    /// A name says stream, task, partition, first number and count.
    private func checkName(_ delivery: TaskEvidence.Delivered, _ form: TaskEvidence.Form) -> String? {
        let parts = (delivery.object.split(separator: "/").last ?? "").split(separator: ".")[0].split(separator: "_")
        guard parts.count >= 5, parts[0] == evidence.settings.streamName, parts[1] == evidence.settings.name,
            PartitionNumber(parsing: String(parts[2]))?.value == delivery.partition, let first = Int64(parts[3]),
            let count = Int(parts[4]), delivery.object.hasPrefix(form.descriptor.filePrefix)
        else { return "\(delivery.object) is an odd name" }
        // An object that retention has cut down keeps its name, and one that leaves out parked records its range's.
        guard plan.trims || plan.content == .columns || first == delivery.first && count == delivery.records else {
            return "\(delivery.object) holds other records than its name says"
        }
        return nil
    }

    private func checkRanges(_ holders: [RecordPlace: String]) throws -> String? {
        var counted = 0
        for (partition, progress) in evidence.progress.sorted(by: { $0.key < $1.key }) {
            let start = progress.start ?? 0
            guard isRight(start, of: partition) else { return "partition \(partition) begins at \(start)" }
            if let end = contents.ends[partition], progress.next > end {
                return "the position of partition \(partition) is past its end"
            }
            var missing = 0
            for number in start..<max(start, progress.next) {
                let place = RecordPlace(partition: partition, number: number)
                if holders[place] != nil {
                    counted += 1
                } else {
                    missing += 1
                    guard mayBeMissing(place) else { return "\(place) is in no object" }
                }
            }
            let discarded = progress.discarded + (evidence.settled[partition]?.discarded ?? 0)
            guard missing == discarded else {
                return "\(missing) records of partition \(partition) are in no object, \(discarded) count as discarded"
            }
        }
        return counted == holders.count ? nil : "objects hold records out of the range that counts as delivered"
    }

    /// A task that begins with the oldest record begins with the first, or where retention had come to; another one,
    /// where the partition ended then.
    private func isRight(_ start: Int64, of partition: Int) -> Bool {
        let id = evidence.settings.id
        if let begun = world.history.beginnings(of: id)[partition] { return begun.contains(start) }
        // A partition that the stream has got since.
        return start == 0
    }

    private func mayBeMissing(_ place: RecordPlace) -> Bool {
        if world.isTrimmed(place, of: StreamID(evidence.settings.stream)) { return true }
        // Somebody may have discarded it when it was parked.
        guard plan.content == .columns else { return false }
        return contents.data[place].map(SimulatedSchema.isOdd) ?? true
    }

    private func checkFigures() -> String? {
        for (partition, progress) in evidence.progress {
            let settled = evidence.settled[partition]
            let deliveries = evidence.deliveries.filter { $0.partition == partition }
            let records = deliveries.reduce(0) { $0 + $1.records }
            guard records == progress.delivered + (settled?.replayed ?? 0) else {
                return "\(records) records of partition \(partition) are delivered, not \(progress.delivered)"
            }
            let bytes = deliveries.reduce(0) { $0 + $1.bytes }
            guard bytes == (progress.deliveredBytes ?? 0) + (settled?.objectBytes ?? 0) else {
                return "\(bytes) bytes of partition \(partition) are delivered, not \(progress.deliveredBytes ?? 0)"
            }
            let parked = evidence.parked.keys.count { $0.partition == partition }
            guard parked == progress.parked - (settled?.replayed ?? 0) - (settled?.discarded ?? 0) else {
                return "\(parked) records of partition \(partition) are parked, not \(progress.parked)"
            }
        }
        return nil
    }
}

internal import SluiceCatalog
internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// Retention may pass the first records of a delivery before all of its objects are written: their other records are
/// still there to be delivered.
extension PartitionRunner {
    /// The intent with the objects that are not finished cut down to what the log still has; nil when that is nothing.
    ///
    /// Called when the destination has none of these objects. They keep their names, so that whatever an earlier writer
    /// still has on its way doubles nothing, and the intent its range: what is missing in the end counts as discarded.
    func intentForRest(
        of intent: IntentRecord, _ done: FinishedObjects, _ sorter: RecordSorter?, _ planned: OBSDestination
    ) async throws -> IntentRecord? {
        let first = max(intent.first, try services.log.bounds(of: partition).first.value)
        guard intent.objects.contains(where: { done[$0] == nil }), first <= intent.last else { return nil }
        guard let sorter else {
            var rest = intent
            rest.objects = intent.objects.compactMap { object in
                guard done[object] == nil, object.first < first else { return object }
                var object = object
                object.first = first
                object.records = Int(object.last - first + 1)
                return object.records > 0 ? object : nil
            }
            return rest.objects.isEmpty || rest == intent ? nil : rest
        }
        let settings = services.settings
        let planner = DirectoryPlanner(
            log: services.log, partition: partition, text: DelimitedText(delimiter: planned.delimiter),
            readSize: settings.readSize, sorter: sorter, directoriesMax: intent.objects.count,
            withMemory: { body in try await memory.withShare(of: Self.readShare(settings), body) })
        let plan = try await planner.plan(
            CutRange(first: SequenceNumber(first), next: SequenceNumber(intent.last + 1), bytes: 0))
        let shares = Dictionary(plan.shares.map { ($0.directory, $0) }, uniquingKeysWith: { $1 })
        var rest = intent
        rest.objects = intent.objects.compactMap { object in
            if done[object] != nil { return object }
            guard let share = shares[object.directory ?? ""] else { return nil }
            var object = object
            object.first = share.first.value
            object.last = share.last.value
            object.records = share.records
            object.bytes = share.bytes
            object.runs = share.runs
            return object
        }
        return rest.objects.contains { done[$0] == nil } ? rest : nil
    }
}

internal import SluiceCore
internal import SluicePorts

/// Makes the contents of one delivery's objects again in one pass over its range: where records name their directories, thousands of
/// objects may share a range, and reading it for each of them would take for ever.
struct GroupRebuilder: Sendable {
    /// Objects are gathered up to this size together; compressed ones are taken for ten times as large.
    private static let collectedSize = ByteCount.mebibytes(8).bytes
    /// A group that turns out to be larger is given up: its objects are made one by one.
    private static let collectedSizeMax = 4 * collectedSize
    private static let compressedFactor = 10

    let services: TransferServices
    let task: TransferTask

    /// How many of the records, from the first on, can be made again together: those of the first one's delivery that
    /// hold a part of their ranges.
    func groupSize(_ records: ArraySlice<DeliveryRecord>, isCompressed: Bool) -> Int {
        guard let first = records.first, first.runs != nil else { return 1 }
        var bytes = 0
        let group = records.prefix { record in
            bytes += record.bytes * (isCompressed ? Self.compressedFactor : 1)
            return record.runs != nil && record.partition == first.partition && record.form == first.form
                && record.deliveryFirst == first.deliveryFirst && bytes <= Self.collectedSize
        }
        return max(1, group.count)
    }

    /// The content of each object; nil when they need too much memory together.
    func contents(of group: [DeliveryRecord]) async throws -> [ObjectFacts]? {
        guard let lead = group.first else { return [] }
        let format = try ObjectFormat(await services.form(lead.form, of: task.id).form)
        guard let portions = try await collect(group) else { return nil }
        var found: [ObjectFacts] = []
        for (record, portion) in zip(group, portions) {
            found.append(
                try await ObjectRebuilder.content(
                    of: CollectedRecords(portion.map { [$0] } ?? []), as: format, first: SequenceNumber(record.first)))
        }
        return found
    }

    private func collect(_ group: [DeliveryRecord]) async throws -> [RecordPortion?]? {
        // Numbers ascend while reading, and so do the runs, which belong to one object each.
        var runs: [(run: ClosedRange<Int64>, owner: Int)] = []
        for (owner, record) in group.enumerated() {
            runs += RecordRuns(record.runs ?? [], from: record.first).ranges.map { ($0, owner) }
        }
        runs.sort { $0.run.lowerBound < $1.run.lowerBound }
        guard let first = runs.first?.run.lowerBound, let last = runs.map(\.run.upperBound).max() else {
            return group.map { _ in nil }
        }
        var collectors = group.map { _ in RecordCollector() }
        var reader = RangeReader(
            log: services.log,
            partition: PartitionID(stream: task.stream, number: PartitionNumber(group[0].partition)),
            range: SequenceNumber(first)...SequenceNumber(last), readSize: services.settings.readSize)
        var index = 0
        var bytes = 0
        while let portion = try await reader.next() {
            try unsafe portion.forEach { number, record in
                while index < runs.count, runs[index].run.upperBound < number.value { index += 1 }
                guard index < runs.count, runs[index].run.contains(number.value) else { return }
                unsafe collectors[runs[index].owner].append(number, record)
                unsafe bytes += RecordBatch.recordHeaderSize + record.key.count + record.data.count
            }
            if bytes > Self.collectedSizeMax { return nil }
        }
        return collectors.map(\.portion)
    }
}

internal import SluiceCore
internal import SluicePorts

/// Makes the content of a delivered object again from the log, to compare it with what the destination holds.
struct ObjectRebuilder: Sendable {
    let log: any RecordLog
    let stream: StreamID
    let readSize: ByteCount

    /// The content that the object must have.
    /// - Throws: `RecordLogError` `trimmed` when retention has passed its first record; whatever reading throws.
    func content(of delivery: DeliveryRecord, as format: ObjectFormat) async throws -> ObjectFacts {
        let first = SequenceNumber(delivery.first)
        let reader = RangeReader(
            log: log, partition: PartitionID(stream: stream, number: PartitionNumber(delivery.partition)),
            range: first...SequenceNumber(delivery.last), readSize: readSize,
            selection: delivery.runs.map { .runs(RecordRuns($0, from: delivery.first)) } ?? .all)
        return try await Self.content(of: reader, as: format, first: first)
    }

    /// The content that a source's records make. Nothing is compressed for it.
    static func content(
        of source: any RecordSource, as format: ObjectFormat, first: SequenceNumber
    ) async throws -> ObjectFacts {
        let streamer = try ObjectStreamer(source, as: format.uncompressed, first: first)
        let meter = try ContentMeter(format.uncompressed)
        while let piece = try await streamer.next() { meter.add(piece) }
        return try meter.facts()
    }
}

extension TransferServices {
    /// The content of a delivered object by what the log holds of its records, in the form of its delivery.
    ///
    /// Holds one read and its encoded form in memory; the caller accounts for `PartitionRunner.deliveryShare`.
    func content(of delivery: DeliveryRecord, of task: TransferTask) async throws -> ObjectFacts {
        let form = try await form(delivery.form, of: task.id).form
        return try await ObjectRebuilder(log: log, stream: task.stream, readSize: settings.readSize)
            .content(of: delivery, as: ObjectFormat(form))
    }
}

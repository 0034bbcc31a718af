internal import SluiceCore
internal import SluicePorts

/// Makes a delivered object again from the log, to compare it with what the destination holds.
struct ObjectRebuilder: Sendable {
    let log: any RecordLog
    let stream: StreamID
    let readSize: ByteCount

    /// Length and checksum that the object must have.
    /// - Throws: `RecordLogError` `trimmed` when retention has passed its first record; whatever reading throws.
    func facts(of delivery: DeliveryRecord, as form: DeliveryForm) async throws -> ObjectFacts {
        let first = SequenceNumber(delivery.first)
        let reader = RangeReader(
            log: log, partition: PartitionID(stream: stream, number: PartitionNumber(delivery.partition)),
            range: first...SequenceNumber(delivery.last), readSize: readSize,
            selection: delivery.runs.map { .runs(RecordRuns($0, from: delivery.first)) } ?? .all)
        let streamer = try ObjectStreamer(reader, as: ObjectFormat(form), first: first)
        while try await streamer.next() != nil {}
        return await streamer.facts
    }
}

extension TransferServices {
    /// Encodes a delivered object again as it was delivered: the bytes that its records make in its form.
    ///
    /// Holds one read and its encoded form in memory; the caller accounts for `PartitionRunner.deliveryShare`.
    func reencode(_ delivery: DeliveryRecord, of task: TransferTask) async throws -> ObjectFacts {
        let form = try await form(delivery.form, of: task.id).form
        return try await ObjectRebuilder(log: log, stream: task.stream, readSize: settings.readSize)
            .facts(of: delivery, as: form)
    }
}

internal import SluiceCore
internal import SluicePorts

/// Reads delivered objects again and compares them with the ledger and, while the log has the records, with the stream.
struct ObjectVerifier: Sendable {
    /// A destination that gives no more bytes for so long counts as one that cannot be read: the server verifies one
    /// object at a time, and others wait for their turn.
    static let silenceMax = Duration.seconds(30)

    let services: TransferServices
    let task: TransferTask

    /// Makes the contents of several objects of one delivery again; nil when there is one only, when the log no longer
    /// has their records, or when something is in the way: then each is tried by itself.
    /// - Throws: `CancellationError` alone.
    func rebuild(_ group: [DeliveryRecord]) async throws -> [ObjectFacts]? {
        guard group.count > 1, group.allSatisfy(isRetained) else { return nil }
        do {
            return try await GroupRebuilder(services: services, task: task).contents(of: group)
        } catch {
            if DeliveryFault(error) == .cancelled { throw CancellationError() }
            return nil
        }
    }

    /// Whatever keeps an object from being read or compared is part of the answer.
    /// - Parameter rebuilt: the content that the stream's records make, when that is known already.
    /// - Throws: `CancellationError` alone.
    func verify(_ record: DeliveryRecord, rebuilt: ObjectFacts? = nil) async throws -> Verification {
        let recorded = ObjectFacts(length: record.bytes, crc32c: record.crc32c)
        let found: (facts: ObjectFacts, content: ContentMeter?)?
        do {
            found = try await read(record)
        } catch {
            switch DeliveryFault(error) {
            case .cancelled: throw CancellationError()
            case .permanent(let reason), .transient(let reason): return result(record, .unreadable, message: reason)
            case .lost, .partitionGone: return result(record, .unreadable, message: "the task is gone")
            }
        }
        guard let found else { return result(record, .missing, message: await absence(of: record)) }
        guard found.facts == recorded else {
            return result(
                record, .differs,
                message: "it has \(found.facts.described), and \(recorded.described) were delivered")
        }
        return try await compareWithStream(record, found.content, rebuilt)
    }

    private func isRetained(_ record: DeliveryRecord) -> Bool {
        let partition = PartitionID(stream: task.stream, number: PartitionNumber(record.partition))
        // A partition that the log does not know retains nothing.
        guard let bounds = try? services.log.bounds(of: partition) else { return false }
        return bounds.first.value <= record.first
    }

    /// What the destination holds, and what that says where there is something to compare it with; nil when it has no
    /// such object, or no such bucket any more.
    private func read(_ record: DeliveryRecord) async throws -> (facts: ObjectFacts, content: ContentMeter?)? {
        let form = try await services.form(record.form, of: task.id).form
        let sink = try services.sink(of: task, form, form.destination())
        // A form that makes no objects any more is reported when they are to be made again.
        let content = isRetained(record) ? try? ContentMeter(ObjectFormat(form)) : nil
        let meter = ObjectMeter()
        do {
            let isThere = try await unlessSilent(meter) {
                try await sink.read(record.object) { piece in
                    meter.add(piece)
                    // What is larger than it should be may be anything, and larger still once decompressed.
                    if meter.facts.length <= record.bytes { content?.add(piece) }
                }
            }
            return isThere ? (meter.facts, content) : nil
        } catch let error as SinkError {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Ends a read that brings nothing any more.
    private func unlessSilent(
        _ meter: ObjectMeter, _ read: @escaping @Sendable () async throws -> Bool
    ) async throws -> Bool {
        let time = services.time
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await read() }
            group.addTask {
                var length = -1
                while meter.facts.length != length {
                    length = meter.facts.length
                    try await time.sleep(for: Self.silenceMax)
                }
                throw SinkError(.unavailable, "the destination gave nothing for \(Self.silenceMax)")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    private func absence(of record: DeliveryRecord) async -> String {
        let what = "the destination does not have it"
        guard let place = record.place, let form = try? await services.form(record.form, of: task.id).form,
            let present = try? services.sink(of: task, form, form.destination()).place, present.text != place
        else { return what }
        return "\(what): it was delivered to \(SinkPlace(place)), and the destination is another one now"
    }

    /// Compares contents, because another version of a compressor makes other bytes of the same records.
    private func compareWithStream(
        _ record: DeliveryRecord, _ content: ContentMeter?, _ known: ObjectFacts?
    ) async throws -> Verification {
        guard isRetained(record) else { return result(record, .ok) }
        let rebuilt: ObjectFacts
        do {
            if let known { rebuilt = known } else { rebuilt = try await services.content(of: record, of: task) }
        } catch let error as RecordLogError where error.code == .trimmed || error.code == .unknownPartition {
            return result(record, .ok)
        } catch {
            switch DeliveryFault(error) {
            case .cancelled: throw CancellationError()
            case .permanent(let reason), .transient(let reason):
                return result(record, .ok, message: "the stream could not be compared: \(reason)")
            case .lost, .partitionGone: return result(record, .ok)
            }
        }
        let found = Result { try content?.facts() }
        if case .success(let facts) = found, facts == nil || facts == rebuilt {
            return result(record, .ok, isCompared: facts != nil)
        }
        // An older version's delivery names no settings: those of today need not be its own.
        guard record.form != nil else { return result(record, .ok) }
        let what =
            switch found {
            case .success(let facts): "its content is \(facts?.described ?? "nothing")"
            case .failure(let fault): "it is not of its format: \((fault as? ContentMeter.Fault)?.reason ?? "\(fault)")"
            }
        return result(
            record, .differs, isCompared: true,
            message: "it is as it was delivered, but \(what), and the stream's records make \(rebuilt.described)")
    }

    private func result(
        _ record: DeliveryRecord, _ state: Verification.State, isCompared: Bool = false, message: String = ""
    ) -> Verification {
        Verification(
            delivery: Delivery(record), runs: record.runs, state: state, isComparedWithStream: isCompared,
            message: message)
    }
}

extension ObjectFacts {
    fileprivate var described: String {
        "\(length) bytes with checksum \(CRC32C.text(crc32c))"
    }
}

internal import SluiceCore
internal import SluicePorts

/// Reads delivered objects again and compares them with the ledger and, while the log has the records, with the stream.
struct ObjectVerifier: Sendable {
    let services: TransferServices
    let task: TransferTask

    /// Makes several objects of one delivery again; nil when there is one only, when the log no longer has their records,
    /// or when something is in the way: then each is tried by itself.
    /// - Throws: `CancellationError` alone.
    func rebuild(_ group: [DeliveryRecord]) async throws -> [ObjectFacts]? {
        guard group.count > 1, group.allSatisfy(isRetained) else { return nil }
        do {
            return try await GroupRebuilder(services: services, task: task).facts(of: group)
        } catch {
            if DeliveryFault(error) == .cancelled { throw CancellationError() }
            return nil
        }
    }

    /// Whatever keeps an object from being read or compared is part of the answer.
    /// - Parameter rebuilt: what the stream's records make, when that is known already.
    /// - Throws: `CancellationError` alone.
    func verify(_ record: DeliveryRecord, rebuilt: ObjectFacts? = nil) async throws -> Verification {
        let recorded = ObjectFacts(length: record.bytes, crc32c: record.crc32c)
        let found: ObjectFacts?
        do {
            found = try await read(record)
        } catch {
            switch DeliveryFault(error) {
            case .cancelled: throw CancellationError()
            case .permanent(let reason), .transient(let reason): return result(record, .unreadable, message: reason)
            case .lost, .partitionGone: return result(record, .unreadable, message: "the task is gone")
            }
        }
        guard let found else { return result(record, .missing, message: "the destination does not have it") }
        guard found == recorded else {
            return result(
                record, .differs, message: "it has \(found.described), and \(recorded.described) were delivered")
        }
        return try await compareWithStream(record, recorded, rebuilt)
    }

    private func isRetained(_ record: DeliveryRecord) -> Bool {
        let partition = PartitionID(stream: task.stream, number: PartitionNumber(record.partition))
        // A partition that the log does not know retains nothing.
        guard let bounds = try? services.log.bounds(of: partition) else { return false }
        return bounds.first.value <= record.first
    }

    /// What the destination holds; nil when it has no such object, or no such bucket any more.
    private func read(_ record: DeliveryRecord) async throws -> ObjectFacts? {
        let form = try await services.form(record.form, of: task.id).form
        let sink = try services.sink(of: task, form, form.destination())
        do {
            return try await sink.examine(record.object)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private func compareWithStream(
        _ record: DeliveryRecord, _ recorded: ObjectFacts, _ known: ObjectFacts?
    ) async throws -> Verification {
        guard isRetained(record) else { return result(record, .ok) }
        let rebuilt: ObjectFacts
        do {
            if let known { rebuilt = known } else { rebuilt = try await services.reencode(record, of: task) }
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
        if rebuilt == recorded { return result(record, .ok, isCompared: true) }
        // An older version's delivery names no settings: those of today need not be its own.
        guard record.form != nil else { return result(record, .ok) }
        return result(
            record, .differs, isCompared: true,
            message: "it has \(recorded.described) as delivered, but the stream's records make \(rebuilt.described)")
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
        let digits = String(crc32c, radix: 16)
        return "\(length) bytes with checksum crc32c:" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}

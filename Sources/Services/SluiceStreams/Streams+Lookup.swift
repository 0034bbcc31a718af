package import SluiceCore
package import SluicePorts

/// Streams as transfer tasks see them.
extension Streams: StreamLookup {
    package func describe(
        _ reference: String, in project: ProjectID
    ) async throws(StreamLookupError) -> StreamDescription? {
        do {
            return description(of: try stream(reference, in: project))
        } catch {
            if error.code == .streamNotFound { return nil }
            throw StreamLookupError(.unavailable, error.detail)
        }
    }

    package func describe(_ id: StreamID) async throws(StreamLookupError) -> StreamDescription? {
        try current(id)
    }

    package func waitForChange(
        of id: StreamID, since version: Int64
    ) async throws(StreamLookupError) -> StreamDescription? {
        while true {
            let signal = Signal()
            let token = watchers.add { stream, _ in
                if stream == id { signal.fire() }
            }
            defer { watchers.remove(token) }
            guard let found = try current(id) else { return nil }
            if found.version != version { return found }
            await signal.wait()
            if Task.isCancelled { throw StreamLookupError(.cancelled, "the wait was cancelled") }
        }
    }

    private func current(_ id: StreamID) throws(StreamLookupError) -> StreamDescription? {
        do {
            return try stream(id: id).map { description(of: $0) }
        } catch {
            throw StreamLookupError(.unavailable, error.detail)
        }
    }

    private func description(of live: LiveStream) -> StreamDescription {
        let record = live.record
        let dataType: StreamDataType =
            switch record.dataType {
            case .blob: .blob
            case .json: .json
            case .csv: .csv
            case .file: .file
            }
        return StreamDescription(
            id: record.id, name: record.name, project: record.project, dataType: dataType,
            dataSchema: record.dataSchema,
            partitions: record.partitions.map { partition in
                PartitionDescription(
                    number: partition.number, status: partition.status.rawValue,
                    hashRange: "[\(partition.hashRange.lowerBound) : \(partition.hashRange.upperBound)]",
                    parents: partition.parents)
            }, version: live.revision)
    }
}

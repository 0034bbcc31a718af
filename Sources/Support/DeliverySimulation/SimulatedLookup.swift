internal import SluiceCore
internal import SluicePorts
internal import SluiceStreams

/// Streams as the tasks of one process see them.
struct SimulatedLookup: StreamLookup {
    let world: SimulatedWorld
    let life: Life
    let streams: Streams

    private var bug: PlantedBug? { life.isJudge ? nil : world.bug }

    private func plant(_ stream: StreamDescription?) -> StreamDescription? {
        guard bug == .closedPartitionsForgotten, var stream else { return stream }
        stream.partitions.removeAll { $0.status != "ACTIVE" }
        return stream
    }

    func describe(_ reference: String, in project: ProjectID) async throws(StreamLookupError) -> StreamDescription? {
        plant(try await streams.describe(reference, in: project))
    }

    func describe(_ id: StreamID) async throws(StreamLookupError) -> StreamDescription? {
        plant(try await streams.describe(id))
    }

    func waitForChange(
        of id: StreamID, since version: Int64
    ) async throws(StreamLookupError) -> StreamDescription? {
        let changed = plant(try await streams.waitForChange(of: id, since: version))
        if changed == nil, bug == .deletionUnseen {
            await Signal().wait()
            throw StreamLookupError(.cancelled, "the wait was cancelled")
        }
        return changed
    }
}

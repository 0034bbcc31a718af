internal import SluiceCatalog
package import SluiceCore
package import SluicePorts

/// How far an app has come in one partition; what the number means is up to the app (spec section 2.3).
package struct Checkpoint: Sendable, Codable, Equatable {
    package var version = 1
    package let sequenceNumber: SequenceNumber
    package let metadata: String
}

/// One row of an app's state in a stream.
package struct ConsumingState: Sendable {
    package let partition: Partition
    package let bounds: PartitionBounds
    package let checkpoint: Checkpoint?
}

/// Who commits, where the caller is a member of a consumer group (spec section 2.8.5).
package struct CommittingMember: Sendable {
    package let clientID: String
    package let generation: Int

    package init(clientID: String, generation: Int) {
        self.clientID = clientID
        self.generation = generation
    }
}

extension Streams {
    /// The only checkpoint type that is public.
    package static let lastRead = "LAST_READ"

    /// Characters that a checkpoint's metadata may have.
    package static let maximumMetadataLength = 1000

    /// Checkpoints lie under `checkpoint/PROJECT/APP/STREAM-ID/TYPE/PARTITION`.
    static func checkpointPrefix(_ project: ProjectID, app: String, stream: StreamID) -> CatalogKey {
        CatalogKey("checkpoint", project.text, app, stream.text, trailingSlash: true)
    }

    private static func checkpointKey(
        _ project: ProjectID, app: String, stream: StreamID, _ partition: PartitionNumber
    ) -> CatalogKey {
        CatalogKey("checkpoint", project.text, app, stream.text, lastRead, partition.description)
    }

    /// Checks a checkpoint type; absent means `LAST_READ`.
    package static func requireCheckpointType(_ text: String?) throws(StreamsError) {
        guard let text, !text.isEmpty, text != lastRead else { return }
        throw .invalid("checkpoint_type \(text) is invalid")
    }

    /// Stores a checkpoint durably; the last write wins, and it may move backwards. `-1` takes it back to "none".
    package func commitCheckpoint(
        app: String, project: ProjectID, stream: LiveStream, partition: Partition, sequenceNumber: SequenceNumber,
        metadata: String?, member: CommittingMember?
    ) async throws(StreamsError) {
        _ = try await self.app(named: app, in: project)
        guard (metadata ?? "").unicodeScalars.count <= Self.maximumMetadataLength else {
            throw .invalid("metadata is longer than \(Self.maximumMetadataLength) characters")
        }
        guard sequenceNumber.value >= -1 else { throw StreamsError(.invalidSequenceNumber, "[\(sequenceNumber)]") }
        let bounds = try bounds(of: partition.number, in: stream)
        guard sequenceNumber <= bounds.next else { throw .outOfRange(sequenceNumber, bounds.first...bounds.next) }
        if let member {
            try groups.checkCommit(
                project: project, group: app, member: member, stream: stream.record.name.text,
                partition: partition.number, now: time.elapsed())
        }
        let checkpoint = Checkpoint(sequenceNumber: sequenceNumber, metadata: metadata ?? "")
        do {
            try await catalog.commit([
                .require(Self.appKey(project, app), .present),
                .require(StreamDirectory.idKey(stream.record.id), .present),
                .put(
                    Self.checkpointKey(project, app: app, stream: stream.record.id, partition.number),
                    try Self.encode(checkpoint)),
            ])
        } catch let error as CatalogError where error.code == .conflict {
            if error.key == Self.appKey(project, app) { throw StreamsError(.appNotFound) }
            throw .streamNotFound(stream.record.name.text, in: project)
        } catch let error as StreamsError {
            throw error
        } catch {
            throw StreamsError(.storageUnavailable, "[the catalog is not available]")
        }
    }

    /// The app's checkpoint in a partition; nil when there is none.
    package func checkpoint(
        app: String, project: ProjectID, stream: LiveStream, partition: Partition
    ) async throws(StreamsError) -> Checkpoint? {
        _ = try await self.app(named: app, in: project)
        let key = Self.checkpointKey(project, app: app, stream: stream.record.id, partition.number)
        return try await entry(key).map { (entry) throws(StreamsError) in try Self.decode(Checkpoint.self, entry) }
    }

    /// Removes the app's checkpoint in one partition, or in all of the stream.
    ///
    /// Throws `checkpointNotCommitted` when there was none and the configuration is strict about that.
    package func deleteCheckpoints(
        app: String, project: ProjectID, stream: LiveStream, partition: Partition?
    ) async throws(StreamsError) {
        _ = try await self.app(named: app, in: project)
        let prefix = Self.checkpointPrefix(project, app: app, stream: stream.record.id)
        let key = partition.map { Self.checkpointKey(project, app: app, stream: stream.record.id, $0.number) }
        if configuration.isCheckpointDeletionStrict {
            let isThere: Bool
            if let key {
                isThere = try await entry(key) != nil
            } else {
                isThere = try await !entries(prefix, after: nil, limit: 1).isEmpty
            }
            guard isThere else { throw StreamsError(.checkpointNotCommitted) }
        }
        if let key { try await commit([.delete(key)]) } else { try await commit([.deleteAll(prefix: prefix)]) }
    }

    /// The app's state in each partition from `start` (inclusive) on, also where it has no checkpoint.
    package func consumingStates(
        app: String, project: ProjectID, stream: LiveStream, from start: PartitionNumber, limit: Int
    ) async throws(StreamsError) -> (states: [ConsumingState], hasMore: Bool) {
        _ = try await self.app(named: app, in: project)
        let partitions = stream.record.partitions.drop { $0.number < start }
        var states: [ConsumingState] = []
        for partition in partitions.prefix(limit) {
            let key = Self.checkpointKey(project, app: app, stream: stream.record.id, partition.number)
            let checkpoint = try await entry(key).map { (entry) throws(StreamsError) in
                try Self.decode(Checkpoint.self, entry)
            }
            states.append(
                ConsumingState(
                    partition: partition, bounds: try bounds(of: partition.number, in: stream), checkpoint: checkpoint))
        }
        return (states, partitions.count > limit)
    }

    /// What removes every app's checkpoints in that stream.
    func changesForgettingCheckpoints(of record: Stream) async throws(StreamsError) -> [CatalogChange] {
        let apps = Self.appPrefix(record.project)
        var changes: [CatalogChange] = []
        var after: CatalogKey?
        while true {
            let page = try await entries(apps, after: after, limit: 500)
            guard let last = page.last else { return changes }
            after = last.key
            for app in page {
                let name = String(app.key.text.dropFirst(apps.text.count))
                changes.append(.deleteAll(prefix: Self.checkpointPrefix(record.project, app: name, stream: record.id)))
            }
        }
    }
}

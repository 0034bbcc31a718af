package import Observability
package import SluiceCatalog
package import SluiceCore
package import SluicePorts
internal import Synchronization

/// The streams of all projects: their life, their records, and everything that hangs on them.
///
/// Control operations pass one at a time and reach memory only after the catalog has committed them; reads and puts
/// work on immutable states of a stream and take no part in that.
package final class Streams: Sendable {
    package let configuration: StreamsConfiguration
    package let log: any RecordLog
    package let time: any TimeSource
    let catalog: any Catalog
    let identifiers: IdentifierGenerator
    let logger: Logger
    let directory = StreamDirectory()
    /// Orders all changes of control state.
    let changes = SerialGate()
    package let watchers = StreamWatchers()
    let groups: GroupCoordinator

    package init(
        catalog: any Catalog, log: any RecordLog, time: any TimeSource,
        configuration: StreamsConfiguration = StreamsConfiguration(),
        identifiers: IdentifierGenerator = IdentifierGenerator(), logger: Logger = .silent
    ) {
        self.catalog = catalog
        self.log = log
        self.time = time
        self.configuration = configuration
        self.identifiers = identifiers
        self.logger = logger
        groups = GroupCoordinator(
            windows: configuration.groupWindows, maximumMembers: configuration.maximumGroupMembers)
    }

    /// Reads what exists; call once before any request. Finishes deletions that a crash interrupted.
    package func load() async throws {
        try await directory.load(from: catalog)
        try await finishDeletions()
    }

    // MARK: Finding

    /// The stream that a path segment names: by name, else by id (spec section 1.3, rule 7).
    package func stream(_ nameOrID: String, in project: ProjectID) throws(StreamsError) -> LiveStream {
        if let name = StreamName(nameOrID), let stream = try directory.stream(named: name, in: project) {
            return stream
        }
        if let stream = try directory.stream(id: StreamID(nameOrID)), stream.record.project == project { return stream }
        throw .streamNotFound(nameOrID, in: project)
    }

    /// The stream that a body or query names by id, by name or both. A non-empty id wins when it resolves; both
    /// resolving to different streams is refused (spec section 1.3, rule 7).
    package func stream(name: String?, id: String?, in project: ProjectID) throws(StreamsError) -> LiveStream {
        let name = name.flatMap { $0.isEmpty ? nil : $0 }
        let id = id.flatMap { $0.isEmpty ? nil : $0 }
        var byID: LiveStream?
        if let id, let found = try directory.stream(id: StreamID(id)), found.record.project == project { byID = found }
        guard let name else {
            if let byID { return byID }
            guard let id else { throw .invalid("stream_name is missing") }
            throw .streamNotFound(id, in: project)
        }
        guard let byID else { return try stream(name, in: project) }
        if let byName = try? stream(name, in: project), byName.record.id != byID.record.id {
            throw .invalid("stream_name \(name) and stream_id \(byID.record.id) are different streams")
        }
        return byID
    }

    /// The stream of that id in any project, for callers whose rights a policy grants; nil when unknown.
    package func stream(id: StreamID) throws(StreamsError) -> LiveStream? {
        try directory.stream(id: id)
    }

    /// One page of a project's streams.
    package struct Page: Sendable {
        package let streams: [LiveStream]
        package let hasMore: Bool
        /// Of the whole project.
        package let totalCount: Int
    }

    /// Streams in ascending order of names, strictly after `start`.
    package func list(in project: ProjectID, after start: String?, limit: Int) throws(StreamsError) -> Page {
        let (names, hasMore) = directory.names(in: project, after: start.flatMap(StreamName.init), limit: limit)
        var streams: [LiveStream] = []
        for name in names {
            if let stream = try directory.stream(named: name, in: project) { streams.append(stream) }
        }
        return Page(streams: streams, hasMore: hasMore, totalCount: directory.count(in: project))
    }

    /// The active partitions that a project uses of its quota.
    package func usedPartitions(of kind: StreamKind, in project: ProjectID) throws(StreamsError) -> Int {
        try directory.usedPartitions(of: kind, in: project)
    }

    package func quota(of kind: StreamKind) -> Int {
        kind == .common ? configuration.commonPartitionQuota : configuration.advancedPartitionQuota
    }

    // MARK: Changing

    /// Makes a stream; when this returns it is running and its partitions take records.
    ///
    /// Throws `streamExists`, `quotaExceeded`, or what validation found.
    package func create(_ creation: StreamCreation, in project: ProjectID) async throws(StreamsError) -> LiveStream {
        try await exclusively { () throws(StreamsError) in
            if try self.directory.stream(named: creation.name, in: project) != nil { throw StreamsError(.streamExists) }
            let used = try self.usedPartitions(of: creation.kind, in: project)
            try self.checkQuota(creation.kind, used: used, adding: creation.partitionCount)
            let now = self.time.now()
            let record = Stream(
                id: StreamID(self.identifiers.next()), name: creation.name, project: project, kind: creation.kind,
                dataType: creation.dataType, retentionHours: creation.retentionHours, dataSchema: creation.dataSchema,
                csvDelimiter: creation.csvDelimiter, compressionFormat: creation.compressionFormat,
                autoScaling: creation.autoScaling, tags: creation.tags, systemTags: creation.systemTags, createdAt: now,
                partitions: PartitionLayout.initial(count: creation.partitionCount))
            // The log first: partitions without a stream cost a few bytes, a stream without partitions takes no record.
            try await self.makePartitions(record, from: 0)
            let live = try await self.commit(
                record, counting: nil,
                beside: [
                    .put(
                        StreamDirectory.idKey(record.id), Array("\(project)/\(record.name)".utf8), expecting: .absent)
                ], expecting: .absent)
            return live
        }
    }

    /// Changes settings; only what `update` names. Shortening the retention hides older records at once.
    package func update(_ stream: LiveStream, with update: StreamUpdate) async throws(StreamsError) -> LiveStream {
        let changed = try await change(stream) { (record: inout Stream) throws(StreamsError) in
            try update.apply(to: &record)
        }
        if changed.record.retentionHours < stream.record.retentionHours { await expireRecords(of: changed) }
        return changed
    }

    /// Sets the number of active partitions (spec section 3.6); complete when this returns.
    package func scale(_ stream: LiveStream, to target: Int, isAutomatic: Bool = false) async throws(StreamsError)
        -> LiveStream
    {
        guard target >= 1 else { throw .invalid("target_partition_count must be 1 or more") }
        let changed = try await exclusively { () throws(StreamsError) in
            let current = try self.current(stream)
            var record = current.record
            let before = record.activePartitionCount
            guard !record.isFrozen else { throw StreamsError(.streamNotRunning) }
            guard target != before else {
                throw .invalid("target_partition_count \(target) equals the current partition count")
            }
            let now = self.time.now()
            if let reason = self.configuration.scalingLimits.refusal(
                of: record, to: target, isAutomatic: isAutomatic, now: now)
            {
                throw .invalid(reason)
            }
            if target > before {
                try self.checkQuota(
                    record.kind, used: try self.usedPartitions(of: record.kind, in: record.project),
                    adding: target - before)
            }
            let known = record.partitions.count
            record.partitions = PartitionLayout.scaled(record.partitions, to: target, at: now)
            record.scalings.append(
                Scaling(at: now, from: before, to: target, succeeded: true, isAutomatic: isAutomatic))
            record.scalings.removeFirst(max(0, record.scalings.count - Stream.maximumScalings))
            record.modifiedAt = now
            try await self.makePartitions(record, from: known)
            return try await self.commit(
                record, counting: current, expecting: .revision(current.revision))
        }
        watchers.streamChanged(changed)
        return changed
    }

    /// Removes a stream, its records, checkpoints, tags and policies; when this returns its name is free.
    package func delete(_ stream: LiveStream) async throws(StreamsError) {
        let record = try await exclusively { () throws(StreamsError) in
            let current = try self.current(stream)
            let record = current.record
            var changes: [CatalogChange] = [
                .delete(StreamDirectory.recordKey(record.project, record.name), expecting: .revision(current.revision)),
                .delete(StreamDirectory.idKey(record.id)),
                // What is left to delete in the log, should the process end before it is done.
                .put(Self.deletionKey(record.id), Array(String(record.partitions.count).utf8)),
            ]
            changes += try await self.changesForgettingCheckpoints(of: record)
            do throws(StreamsError) {
                try await self.commit(changes)
            } catch {
                // Perhaps it happened all the same.
                await self.reread(current)
                if try self.directory.stream(named: record.name, in: record.project)?.record.id == record.id {
                    throw error
                }
            }
            self.directory.remove(record)
            return record
        }
        watchers.streamDeleted(record.id)
        try await finishDeletion(of: record.id, partitions: record.partitions.count)
    }

    /// Reads, changes and commits a stream's record alone.
    package func change(
        _ stream: LiveStream, _ body: (inout Stream) throws(StreamsError) -> Void
    ) async throws(StreamsError) -> LiveStream {
        let changed = try await exclusively { () throws(StreamsError) in
            let current = try self.current(stream)
            var record = current.record
            try body(&record)
            guard record != current.record else { return current }
            record.modifiedAt = self.time.now()
            return try await self.commit(record, counting: current, expecting: .revision(current.revision))
        }
        watchers.streamChanged(changed)
        return changed
    }

    // MARK: Pieces

    /// Runs a read-change-write sequence alone, with its error type kept.
    func exclusively<Result>(_ body: () async throws(StreamsError) -> Result) async throws(StreamsError) -> Result {
        do {
            return try await changes.pass(body)
        } catch let error as StreamsError {
            throw error
        } catch {
            throw StreamsError(.storageUnavailable, "[\(error)]")
        }
    }

    /// The newest state of the stream; `streamNotFound` when it has been deleted meanwhile.
    func current(_ stream: LiveStream) throws(StreamsError) -> LiveStream {
        let record = stream.record
        guard let now = try directory.stream(named: record.name, in: record.project), now.record.id == record.id else {
            throw .streamNotFound(record.name.text, in: record.project)
        }
        return now
    }

    func commit(_ changes: [CatalogChange]) async throws(StreamsError) {
        do {
            try await catalog.commit(changes)
        } catch {
            logger.error("The catalog refused a change", ["error": "\(error)"])
            throw StreamsError(.storageUnavailable, "[the catalog is not available]")
        }
    }

    private func commit(
        _ record: Stream, counting before: LiveStream?, beside others: [CatalogChange] = [],
        expecting: CatalogExpectation
    ) async throws(StreamsError) -> LiveStream {
        let key = StreamDirectory.recordKey(record.project, record.name)
        guard let bytes = try? StreamDirectory.encode(record) else {
            throw StreamsError(.storageUnavailable, "[the record of stream \(record.name) cannot be written]")
        }
        do throws(StreamsError) {
            try await commit(others + [.put(key, bytes, expecting: expecting)])
        } catch {
            // Perhaps it happened all the same: memory follows what the catalog holds, and the caller's next attempt
            // meets that.
            await reread(
                LiveStream(
                    record: record, revision: 0, traffic: before?.traffic ?? StreamTraffic(),
                    throttle: before?.throttle ?? StreamThrottle()))
            throw error
        }
        let revision: Int64
        do {
            revision = try await catalog.get(key)?.revision ?? 0
        } catch {
            throw StreamsError(.storageUnavailable, "[the catalog is not available]")
        }
        let live = LiveStream(
            record: record, revision: revision, traffic: before?.traffic ?? StreamTraffic(),
            throttle: before?.throttle ?? StreamThrottle())
        directory.publish(live)
        return live
    }

    /// Takes in what the catalog holds under a stream's name, after a commit of which nobody knows whether it happened.
    /// When that cannot be read either, the next change fails on the revision and asks again.
    private func reread(_ stream: LiveStream) async {
        let (project, name) = (stream.record.project, stream.record.name)
        do {
            guard let entry = try await catalog.get(StreamDirectory.recordKey(project, name)) else {
                if let known = try directory.stream(named: name, in: project) { directory.remove(known.record) }
                return
            }
            if let known = try directory.stream(named: name, in: project), known.revision == entry.revision { return }
            let live = LiveStream(
                record: try StreamDirectory.decode(entry.value, name), revision: entry.revision,
                traffic: stream.traffic, throttle: stream.throttle)
            directory.publish(live)
            watchers.streamChanged(live)
        } catch {
            logger.warning(
                "A stream could not be read again", ["stream": name.text, "error": "\(error)"])
        }
    }

    private func checkQuota(_ kind: StreamKind, used: Int, adding more: Int) throws(StreamsError) {
        let quota = quota(of: kind)
        guard used + more <= quota else {
            throw StreamsError(
                .quotaExceeded,
                "[\(used) of \(quota) \(kind.rawValue) partitions are in use, \(more) more were asked for]")
        }
    }

    private func makePartitions(_ record: Stream, from first: Int) async throws(StreamsError) {
        let fresh = record.partitions[first...].map { PartitionID(stream: record.id, number: $0.number) }
        guard !fresh.isEmpty else { return }
        do {
            try await log.createPartitions(fresh)
        } catch {
            logger.error("The log could not make partitions", ["stream": record.name.text, "error": "\(error)"])
            throw StreamsError(.storageUnavailable, "[the log is not available]")
        }
    }

    // MARK: Deleting records of deleted streams

    private static let deletionPrefix = CatalogKey("stream-deletion", trailingSlash: true)

    private static func deletionKey(_ id: StreamID) -> CatalogKey { CatalogKey("stream-deletion", id.text) }

    private func finishDeletion(of id: StreamID, partitions: Int) async throws(StreamsError) {
        do {
            try await log.deletePartitions(
                (0..<partitions).map { PartitionID(stream: id, number: PartitionNumber($0)) })
            try await catalog.commit([.delete(Self.deletionKey(id))])
        } catch {
            // The stream is gone for its users; its space comes back with the next start.
            logger.warning(
                "Records of a deleted stream stay until the next start", ["stream_id": id.text, "error": "\(error)"])
        }
    }

    private func finishDeletions() async throws {
        while true {
            let page = try await catalog.list(prefix: Self.deletionPrefix, after: nil, limit: 100)
            if page.isEmpty { return }
            for entry in page {
                let id = StreamID(String(entry.key.text.dropFirst(Self.deletionPrefix.text.count)))
                let count = Int(String(decoding: entry.value, as: UTF8.self)) ?? 0
                try await log.deletePartitions(
                    (0..<count).map { PartitionID(stream: id, number: PartitionNumber($0)) })
                try await catalog.commit([.delete(entry.key)])
            }
        }
    }
}

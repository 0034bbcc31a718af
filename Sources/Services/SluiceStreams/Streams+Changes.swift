internal import Observability
internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

/// Making, changing and scaling streams.
extension Streams {
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
}

internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// How changes of control state pass: one at a time, through the catalog into memory.
extension Streams {
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

    func commit(
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
    func reread(_ stream: LiveStream) async {
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
}

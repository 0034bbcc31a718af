internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// Deleting streams: first the name, then the records, over a crash in between too.
extension Streams {
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

    func finishDeletions() async throws {
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

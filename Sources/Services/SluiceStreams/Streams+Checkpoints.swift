internal import SluiceCatalog
internal import SluiceCore

extension Streams {
    /// Checkpoints lie under `checkpoint/PROJECT/APP/STREAM-ID/TYPE/PARTITION`.
    static func checkpointPrefix(_ project: ProjectID, app: String, stream: StreamID) -> CatalogKey {
        CatalogKey("checkpoint", project.text, app, stream.text, trailingSlash: true)
    }

    /// What removes every app's checkpoints in that stream.
    func changesForgettingCheckpoints(of record: Stream) async throws(StreamsError) -> [CatalogChange] {
        var changes: [CatalogChange] = []
        let apps = CatalogKey("app", record.project.text, trailingSlash: true)
        var after: CatalogKey?
        do {
            while true {
                let page = try await catalog.list(prefix: apps, after: after, limit: 100)
                guard let last = page.last else { return changes }
                after = last.key
                for app in page {
                    changes.append(
                        .deleteAll(
                            prefix: Self.checkpointPrefix(
                                record.project, app: String(app.key.text.dropFirst(apps.text.utf8.count)),
                                stream: record.id)))
                }
            }
        } catch {
            throw StreamsError(.storageUnavailable, "[the catalog is not available]")
        }
    }
}

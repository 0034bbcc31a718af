package import Observability
package import SluiceCore
package import SluicePorts

/// Buckets as folders of one directory: the destination when no other is configured.
///
/// Objects are written beside their place and renamed into it after a sync, so that a reader and a crash see whole
/// objects only. A bucket is made on first use.
package struct FolderBuckets: ObjectSinkProvider {
    let root: String
    let place: SinkPlace
    /// Calls wait in one queue; there are as many as tasks that write, which the memory for record data bounds, and those
    /// whose callers have gone away from a file system that hangs.
    let threads: WorkerThreads<@Sendable () -> Void>
    let logger: Logger
    let writes = FolderWrites()

    /// - Parameters:
    ///   - root: the directory that holds one folder a bucket; made on first use.
    ///   - place: what tells it from other stores; its path unless it goes by another name.
    ///   - logger: is told where in the file system something fails, which users of the API are not.
    package init(root: String, place: SinkPlace? = nil, logger: Logger = .silent) {
        self.root = root
        self.place = place ?? .folder(root)
        self.logger = logger
        threads = WorkerThreads(named: "folder", count: 2)
    }

    package func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        try folder(of: bucket)
    }

    func folder(of bucket: String) throws(SinkError) -> FolderSink {
        guard !bucket.isEmpty, !bucket.hasPrefix("."), !bucket.contains("/"), !bucket.contains("\0") else {
            throw SinkError(.notFound, "\(bucket) cannot be the name of a folder")
        }
        return FolderSink(bucket: bucket, buckets: self)
    }
}

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
}

internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCore
internal import Synchronization

/// All streams, by name and by id, kept in memory beside the catalog so that a put costs one look-up.
///
/// Records are decoded when first used: ten thousand streams cost a start no more than reading them.
/// Catalog keys: `stream/PROJECT/NAME` holds the record, `stream-id/ID` holds `PROJECT/NAME`.
final class StreamDirectory: Sendable {
    private enum Slot {
        case stored([UInt8], revision: Int64)
        case live(LiveStream)
    }

    private struct ProjectStreams {
        /// In ascending order, for pages.
        var names: [StreamName] = []
        var slots: [StreamName: Slot] = [:]

        func index(of name: StreamName) -> Int {
            var low = 0
            var high = names.count
            while low < high {
                let middle = (low + high) / 2
                if names[middle].text.utf8.lexicographicallyPrecedes(name.text.utf8) {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }

        /// Active partitions by class; nil until somebody asks, because it takes every record decoded.
        var used: [StreamKind: Int]?

        mutating func set(_ slot: Slot, for name: StreamName) {
            count(slots[name], times: -1)
            count(slot, times: 1)
            if slots.updateValue(slot, forKey: name) == nil { names.insert(name, at: index(of: name)) }
        }

        mutating func remove(_ name: StreamName) {
            guard let slot = slots.removeValue(forKey: name) else { return }
            count(slot, times: -1)
            names.remove(at: index(of: name))
        }

        /// Once counted, no slot is `stored` any more.
        private mutating func count(_ slot: Slot?, times sign: Int) {
            guard case .live(let stream) = slot else { return }
            used?[stream.record.kind, default: 0] += sign * stream.record.activePartitionCount
        }

        mutating func countAll() {
            used = [:]
            for slot in slots.values { count(slot, times: 1) }
        }
    }

    private struct State {
        var projects: [ProjectID: ProjectStreams] = [:]
        var names: [StreamID: (project: ProjectID, name: StreamName)] = [:]
    }

    private let state = Mutex(State())

    static let recordPrefix = CatalogKey("stream", trailingSlash: true)
    static let idPrefix = CatalogKey("stream-id", trailingSlash: true)
    /// How many entries one read of the catalog takes at start.
    private static let loadPage = 1000

    static func recordKey(_ project: ProjectID, _ name: StreamName) -> CatalogKey {
        CatalogKey("stream", project.text, name.text)
    }

    static func idKey(_ id: StreamID) -> CatalogKey {
        CatalogKey("stream-id", id.text)
    }

    /// Reads every stream's entry; run once before requests are taken.
    func load(from catalog: any Catalog) async throws {
        var after: CatalogKey?
        while true {
            let page = try await catalog.list(prefix: Self.idPrefix, after: after, limit: Self.loadPage)
            guard let last = page.last else { break }
            after = last.key
            state.withLock { state in
                for entry in page {
                    let parts = String(decoding: entry.value, as: UTF8.self).split(separator: "/").map(String.init)
                    guard parts.count == 2, let project = ProjectID(parts[0]), let name = StreamName(parts[1]) else {
                        continue
                    }
                    state.names[StreamID(String(entry.key.text.dropFirst(Self.idPrefix.text.count)))] = (project, name)
                }
            }
        }
        after = nil
        while true {
            let page = try await catalog.list(prefix: Self.recordPrefix, after: after, limit: Self.loadPage)
            guard let last = page.last else { break }
            after = last.key
            state.withLock { state in
                for entry in page {
                    let parts = entry.key.text.split(separator: "/").map(String.init)
                    guard parts.count == 3, let project = ProjectID(parts[1]), let name = StreamName(parts[2]) else {
                        continue
                    }
                    // Keys arrive in ascending order, so that appending keeps the names sorted.
                    state.projects[project, default: ProjectStreams()].names.append(name)
                    state.projects[project]?.slots[name] = .stored(entry.value, revision: entry.revision)
                }
            }
        }
    }

    /// The stream of that name in that project; nil when unknown.
    func stream(named name: StreamName, in project: ProjectID) throws(StreamsError) -> LiveStream? {
        let found = state.withLock { state in state.projects[project]?.slots[name] }
        switch found {
        case nil: return nil
        case .live(let stream): return stream
        case .stored(let bytes, let revision):
            let record = try Self.decode(bytes, name)
            return state.withLock { state in
                // Another task may have been faster; its object carries the counters.
                if case .live(let stream) = state.projects[project]?.slots[name] { return stream }
                let live = LiveStream(
                    record: record, revision: revision, traffic: StreamTraffic(), throttle: StreamThrottle())
                state.projects[project]?.slots[name] = .live(live)
                return live
            }
        }
    }

    /// The stream of that id, whatever its project; nil when unknown.
    func stream(id: StreamID) throws(StreamsError) -> LiveStream? {
        guard let place = state.withLock({ $0.names[id] }) else { return nil }
        return try stream(named: place.name, in: place.project)
    }

    /// The active partitions of all streams of a class in a project: counted once, then kept up to date, so that making
    /// the ten-thousandth stream costs no more than making the first.
    func usedPartitions(of kind: StreamKind, in project: ProjectID) throws(StreamsError) -> Int {
        if let used = state.withLock({ $0.projects[project]?.used }) { return used[kind] ?? 0 }
        for name in names(in: project, after: nil, limit: .max).names { _ = try stream(named: name, in: project) }
        return state.withLock { state in
            state.projects[project]?.countAll()
            return state.projects[project]?.used?[kind] ?? 0
        }
    }

    func count(in project: ProjectID) -> Int {
        state.withLock { $0.projects[project]?.names.count ?? 0 }
    }

    /// Names in ascending order strictly after `start`, at most `limit`, and whether more follow.
    func names(in project: ProjectID, after start: StreamName?, limit: Int) -> (names: [StreamName], hasMore: Bool) {
        state.withLock { state in
            guard let streams = state.projects[project] else { return ([], false) }
            var first = 0
            if let start {
                first = streams.index(of: start)
                if first < streams.names.count, streams.names[first] == start { first += 1 }
            }
            let end = min(first + limit, streams.names.count)
            return (Array(streams.names[first..<end]), end < streams.names.count)
        }
    }

    /// Every project that has streams, with their names; for sweeps.
    func everyName() -> [(project: ProjectID, name: StreamName)] {
        state.withLock { state in
            state.projects.flatMap { project, streams in streams.names.map { (project, $0) } }
        }
    }

    /// Takes a committed state in; a new stream appears, a known one is replaced.
    func publish(_ stream: LiveStream) {
        let record = stream.record
        state.withLock { state in
            state.projects[record.project, default: ProjectStreams()].set(.live(stream), for: record.name)
            state.names[record.id] = (record.project, record.name)
        }
    }

    func remove(_ record: Stream) {
        state.withLock { state in
            state.names[record.id] = nil
            state.projects[record.project]?.remove(record.name)
        }
    }

    static func encode(_ record: Stream) throws -> [UInt8] {
        Array(try JSONEncoder().encode(record))
    }

    static func decode(_ bytes: [UInt8], _ name: StreamName) throws(StreamsError) -> Stream {
        guard let record = try? JSONDecoder().decode(Stream.self, from: Data(bytes)),
            record.version <= Stream.formatVersion
        else {
            throw StreamsError(
                .storageUnavailable, "[the catalog's record of stream \(name) cannot be read by this version]")
        }
        return record
    }
}

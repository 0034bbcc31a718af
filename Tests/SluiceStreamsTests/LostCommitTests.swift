import SluiceCatalog
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceStreams

/// A catalog that takes a change and answers as if it had not, or does not answer afterwards either.
private final class ForgetfulCatalog: Catalog {
    private let inner = MemoryCatalog()
    private let failures = Mutex((commits: 0, reads: 0))

    func fail(commits: Int, reads: Int) { failures.withLock { $0 = (commits, reads) } }

    private func fails(_ count: WritableKeyPath<(commits: Int, reads: Int), Int>) -> Bool {
        failures.withLock { left in
            guard left[keyPath: count] > 0 else { return false }
            left[keyPath: count] -= 1
            return true
        }
    }

    func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        if fails(\.reads) { throw CatalogError(.unavailable, "no answer") }
        return try await inner.get(key)
    }

    func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        try await inner.list(prefix: prefix, after: after, limit: limit)
    }

    func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        try await inner.commit(changes)
        if fails(\.commits) { throw CatalogError(.outcomeUnknown, "no answer") }
    }
}

/// Changes of which the catalog does not say that it has made them: the next attempt must meet what is true.
@Suite struct LostCommitTests {
    private let catalog = ForgetfulCatalog()
    private let streams: Streams
    private let project: ProjectID

    init() throws {
        streams = Streams(catalog: catalog, log: MemoryRecordLog(), time: ManualTime())
        project = try #require(ProjectID("p1"))
    }

    private func create() async throws -> LiveStream {
        try await streams.create(try StreamCreation(name: "s", partitionCount: 1), in: project)
    }

    @Test(arguments: [(1, 0), (1, 1), (0, 1)])
    func aStreamThatWasMadeIsFound(commits: Int, reads: Int) async throws {
        catalog.fail(commits: commits, reads: reads)
        await #expect(throws: StreamsError.self) { try await create() }
        // When not even reading worked, one more attempt finds out.
        if reads > 0 { await #expect(throws: StreamsError.self) { try await create() } }
        let error = await #expect(throws: StreamsError.self) { try await create() }
        #expect(error?.code == .streamExists)
        let stream = try streams.stream("s", in: project)
        _ = try await streams.scale(stream, to: 2)
    }

    @Test(arguments: [0, 1]) func aChangeThatWasMadeIsSeen(reads: Int) async throws {
        let stream = try await create()
        catalog.fail(commits: 1, reads: reads)
        await #expect(throws: StreamsError.self) { try await streams.scale(stream, to: 3) }
        if reads > 0 { await #expect(throws: StreamsError.self) { try await streams.scale(stream, to: 3) } }
        #expect(try streams.stream("s", in: project).record.activePartitionCount == 3)
        #expect(try await streams.scale(stream, to: 4).record.activePartitionCount == 4)
    }

    @Test func aDeletionThatWasMadeIsDone() async throws {
        let stream = try await create()
        catalog.fail(commits: 1, reads: 0)
        try await streams.delete(stream)
        #expect(throws: StreamsError.self) { try streams.stream("s", in: project) }
        _ = try await create()
    }
}

import Dispatch
import Foundation
import Observability
import SluiceCore
import SluicePorts
import Synchronization
import Testing

@testable import SluiceSinkObject

/// A folder of buckets for one test, and what its server's log was told.
final class FolderHouse: LogOutput {
    /// Stands for a file system that hangs: every thread of the folder waits in a call until this is opened.
    private let gate = DispatchSemaphore(value: 0)
    private let lines = Mutex<[Logger.Metadata]>([])
    let root = NSTemporaryDirectory() + "sluice-folders-\(UInt64.random(in: 0 ... .max))"

    var logged: [Logger.Metadata] { lines.withLock { $0 } }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        lines.withLock { $0.append(metadata) }
    }

    func buckets() -> FolderBuckets { FolderBuckets(root: root, logger: Logger(label: "folders", output: self)) }

    /// Returns when both threads hang.
    func hang(_ buckets: FolderBuckets) async {
        let (hanging, entered) = AsyncStream.makeStream(of: Void.self)
        for _ in 0..<2 {
            Task { [gate] in
                await buckets.threads.runUntilCancelled { _ in
                    entered.yield()
                    gate.wait()
                }
            }
        }
        var count = 0
        for await _ in hanging {
            count += 1
            if count == 2 { return }
        }
    }

    func recover() { for _ in 0..<2 { gate.signal() } }
}

private func body(_ pieces: [UInt8]...) -> ObjectBody {
    let rest = Mutex(pieces[...])
    return ObjectBody { rest.withLock { $0.popFirst() } }
}

@Suite(.timeLimit(.minutes(1))) struct FolderTests {
    static let mishaps:
        [(name: String, code: SinkError.Code, shown: String, act: @Sendable (FolderSink) async throws -> Void)] =
            [
                ("a file in the way", .refused, "lake/a/b", { try await $0.write("a/b/c", body: body([1])) }),
                ("a folder as an object", .refused, "lake/d", { _ = try await $0.examine("d") }),
                ("an object as a folder", .unavailable, "lake/d", { try await $0.write("d", body: body([1])) }),
                (
                    "a long name", .refused, "lake/" + String(repeating: "n", count: 300),
                    {
                        _ = try await $0.holds(String(repeating: "n", count: 300))
                    }
                ),
            ]

    @Test(arguments: mishaps.map(\.name)) func reasonsNameBucketAndKeyAndNoPath(name: String) async throws {
        let row = try #require(Self.mishaps.first { $0.name == name })
        let house = FolderHouse()
        let sink = try house.buckets().folder(of: "lake")
        try await sink.write("a/b", body: body([1]))
        try FileManager.default.createDirectory(atPath: house.root + "/lake/d/e", withIntermediateDirectories: true)
        do {
            try await row.act(sink)
            Issue.record("went well")
        } catch let error as SinkError {
            #expect(error.message.contains(row.shown) && !error.message.contains(house.root), "\(error)")
            #expect(error.code == row.code || row.code == .unavailable)
        }
        #expect(house.logged.last?["path"]?.hasPrefix(house.root + "/lake/") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: house.root + "/lake/.incomplete").isEmpty)
    }

    @Test func reasonsHideWhereTheFolderLies() async throws {
        let house = FolderHouse()
        _ = FileManager.default.createFile(atPath: house.root, contents: nil)
        let sink = FolderSink(bucket: "lake", buckets: FolderBuckets(root: house.root + "/inside"))
        do {
            try await sink.prepare()
            Issue.record("went well")
        } catch {
            #expect(!error.message.contains(house.root), "\(error)")
        }
    }

    /// A data directory is copied and mounted elsewhere, and named by other paths; folders that people name are places.
    @Test func theServersOwnBucketsAreOnePlaceWhereverTheyLie() throws {
        func places(_ rules: [ObjectDestinations.Rule], _ folder: String) throws -> [String?] {
            let destinations = ObjectDestinations(rules, otherwise: folder, time: SystemTime())
            let project = try #require(ProjectID("p1"))
            return [
                try destinations.sink(project: project, agency: "a", bucket: "lake").place?.text,
                destinations.place(project: project, agency: "a"),
            ]
        }
        let own = try places([], "data/buckets")
        #expect(try own == places([], "/copy/data/buckets") && own[0] == own[1] && own[0] != nil)
        let named = try places([.init(place: .folder("/a"))], "data/buckets")
        #expect(named[0] == named[1] && named != own)
        #expect(try named != places([.init(place: .folder("/b"))], "data/buckets"))
    }

    static let calls: [(name: String, act: @Sendable (FolderSink) async throws -> Void)] = [
        ("prepare", { try await $0.prepare() }), ("write", { try await $0.write("k", body: body([1])) }),
        ("read", { _ = try await $0.examine("k") }), ("look", { _ = try await $0.holds("k") }),
        ("remove", { try await $0.remove("k") }),
    ]

    @Test(arguments: calls.map(\.name)) func whoeverIsCancelledLeavesAFolderThatHangs(name: String) async throws {
        let row = try #require(Self.calls.first { $0.name == name })
        let house = FolderHouse()
        let buckets = house.buckets()
        let sink = try buckets.folder(of: "lake")
        await house.hang(buckets)
        let call = Task { try await row.act(sink) }
        call.cancel()
        do {
            try await call.value
            Issue.record("came back from a folder that hangs")
        } catch let error as SinkError {
            #expect(error.code == .cancelled)
        }
        house.recover()
        // The threads serve others again, and nothing is left of the call.
        try await sink.write("other", body: body([2]))
        #expect(try await sink.examine("k") == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: house.root + "/lake/.incomplete").isEmpty)
    }

    @Test func anAbandonedWriteEndsBeforeTheNextBegins() async throws {
        let house = FolderHouse()
        let buckets = house.buckets()
        let sink = try buckets.folder(of: "lake")
        let asked = AsyncStream.makeStream(of: Void.self)
        let count = Mutex(0)
        let write = Task {
            try await sink.write(
                "k",
                body: ObjectBody {
                    let isFirst = count.withLock { count in
                        count += 1
                        return count == 1
                    }
                    if isFirst { return [1] }
                    // The second piece meets a file system that hangs.
                    await house.hang(buckets)
                    asked.continuation.yield()
                    return [2]
                })
        }
        for await _ in asked.stream { break }
        write.cancel()
        await #expect(throws: SinkError.self) { try await write.value }
        await #expect(throws: SinkError.self) { try await sink.write("k", body: body([3])) }
        house.recover()
        while true {
            do {
                try await sink.write("k", body: body([3], [4]))
                break
            } catch let error as SinkError where error.code == .unavailable {
                await Task.yield()
            }
        }
        #expect(try await sink.examine("k") == ObjectFacts(length: 2, crc32c: CRC32C.checksum([3, 4])))
        #expect(try FileManager.default.contentsOfDirectory(atPath: house.root + "/lake/.incomplete").isEmpty)
    }

    /// As a crash leaves it.
    @Test func whatLiesThereIncompleteIsReplaced() async throws {
        let house = FolderHouse()
        let sink = try house.buckets().folder(of: "lake")
        try await sink.prepare()
        _ = FileManager.default.createFile(
            atPath: house.root + "/lake/.incomplete/k", contents: Data(repeating: 7, count: 99))
        try await sink.write("k", body: body([3]))
        #expect(try await sink.examine("k")?.length == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: house.root + "/lake/.incomplete").isEmpty)
    }

    @Test(arguments: [1, 2, 5, 1000]) func listingsAreInTheOrderOfBytes(limit: Int) async throws {
        let house = FolderHouse()
        let sink = try house.buckets().folder(of: "lake")
        let keys = ["a", "a-b", "a.b/c", "ab", "b/1", "b/2/x", "b/2-x", "b/2/y/z", "b0", "ü/k", "z"]
        for key in keys { try await sink.write(key, body: body([1, 2])) }
        try FileManager.default.createDirectory(
            atPath: house.root + "/lake/b/1empty", withIntermediateDirectories: true)
        for (prefix, after) in [
            ("", nil), ("b", nil), ("b/2", nil), ("b/2/", nil), ("", "b/1"), ("b/", "b/2/x"), ("q", nil), ("a", "z"),
        ] as [(String, String?)] {
            var found: [String] = []
            var position = after
            while true {
                let page = try await sink.list(below: prefix, after: position, limit: limit)
                #expect(page.objects.count <= limit && page.objects.allSatisfy { $0.length == 2 })
                found += page.objects.map(\.key)
                guard page.hasMore, let last = page.objects.last else { break }
                position = last.key
            }
            let expected = keys.filter {
                $0.hasPrefix(prefix) && (after.map { Array($0.utf8) } ?? []).lexicographicallyPrecedes(Array($0.utf8))
            }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            #expect(found == expected, "\(prefix) after \(after ?? "")")
        }
        let modified = try #require(try await sink.list(below: "z", after: nil, limit: 1).objects.first?.modifiedAt)
        #expect(abs(Date().timeIntervalSince1970 - Double(modified.seconds)) < 3600)
        #expect(try await house.buckets().folder(of: "none").list(below: "", after: nil, limit: 9).objects.isEmpty)
    }
}

import Foundation
import SluiceCatalog
import SluiceCatalogSQLite
import SluiceTesting
import Testing

/// Random commits, reads and restarts of the SQLite catalog, each compared with the catalog in memory.
///
/// A restart is either a close and an open, or what a kill leaves: a copy of the files while they are open. After each
/// step both hold the same keys and values, give the same answers, and name the same keys in conflicts. Run one seed
/// again with `SLUICE_SEED=n`.
@Suite struct CatalogModelTests {
    static let seeds: [UInt64] =
        ProcessInfo.processInfo.environment["SLUICE_SEED"].flatMap(UInt64.init).map { [$0] } ?? Array(1...12)

    @Test(arguments: seeds)
    func behavesAsTheOneInMemory(seed: UInt64) async throws {
        print("catalog model seed \(seed)")
        try await withTemporaryFolder { folder in
            var run = try await ModelRun(seed: seed, folder: folder)
            for step in 0..<150 { try await run.step(step) }
            await run.catalog.close()
        }
    }
}

private struct ModelRun {
    let seed: UInt64
    let folder: String
    let model = MemoryCatalog()
    var catalog: SQLiteCatalog
    var path: String
    var random: SeededRandom
    var restarts = 0

    static let keys: [CatalogKey] =
        ["a", "a/", "a/1", "a/10", "a/2", "b/é", "b/e\u{301}", "b/\u{10FFFF}", "c", "c/1/x", "c/1/y", "c/2/x", "中/1"]
    static let prefixes: [CatalogKey] = ["", "a", "a/", "a/1", "b/", "b/e", "c/1/", "中", "nothing/"]

    init(seed: UInt64, folder: String) async throws {
        self.seed = seed
        self.folder = folder
        random = SeededRandom(seed: seed)
        path = folder + "/catalog.db"
        catalog = try await SQLiteCatalog.open(path: path)
    }

    mutating func step(_ number: Int) async throws {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: try await restart(copying: false)
        case 1: try await restart(copying: true)
        case 2...14: try await commit(number)
        default: try await compareList(number)
        }
        let mine = try await catalog.list(prefix: "", after: nil, limit: 1000)
        let expected = try await model.list(prefix: "", after: nil, limit: 1000)
        try #require(mine.map(\.key) == expected.map(\.key), "seed \(seed) step \(number)")
        try #require(mine.map(\.value) == expected.map(\.value), "seed \(seed) step \(number)")
    }

    private mutating func commit(_ number: Int) async throws {
        var mine: [CatalogChange] = []
        var modelled: [CatalogChange] = []
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let key = Self.keys.randomElement(using: &random) ?? "a"
            let (expectation, modelExpectation) = try await expectations(of: key)
            let value = (0..<Int.random(in: 0...3000, using: &random)).map { UInt8(truncatingIfNeeded: $0 &* number) }
            switch Int.random(in: 0..<10, using: &random) {
            case 0...5:
                mine.append(.put(key, value, expecting: expectation))
                modelled.append(.put(key, value, expecting: modelExpectation))
            case 6...7:
                mine.append(.delete(key, expecting: expectation))
                modelled.append(.delete(key, expecting: modelExpectation))
            case 8:
                mine.append(.require(key, expectation))
                modelled.append(.require(key, modelExpectation))
            default:
                let prefix = Self.prefixes.randomElement(using: &random) ?? "a"
                let isBounded = Bool.random(using: &random)
                let change: CatalogChange =
                    isBounded
                    ? .deleteFirst(
                        prefix: prefix, entries: Int.random(in: 1...4, using: &random),
                        bytes: Int.random(in: 0...6000, using: &random))
                    : .deleteAll(prefix: prefix)
                mine.append(change)
                modelled.append(change)
            }
        }
        let outcome = await conflict(catalog, mine)
        let expected = await conflict(model, modelled)
        try #require(outcome == expected, "seed \(seed) step \(number): \(mine)")
    }

    /// Revisions differ between the two, so each gets its own for the same meaning.
    private mutating func expectations(of key: CatalogKey) async throws -> (CatalogExpectation, CatalogExpectation) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return (.absent, .absent)
        case 1: return (.present, .present)
        case 2: return (.revision(-1), .revision(-1))
        case 3...4:
            guard let mine = try await catalog.get(key), let other = try await model.get(key) else {
                return (.absent, .absent)
            }
            return (.revision(mine.revision), .revision(other.revision))
        default: return (.anything, .anything)
        }
    }

    private func conflict(_ catalog: any Catalog, _ changes: [CatalogChange]) async -> String {
        do throws(CatalogError) {
            try await catalog.commit(changes)
            return "done"
        } catch {
            return "\(error.code) \(error.key?.text ?? "")"
        }
    }

    private mutating func compareList(_ number: Int) async throws {
        let prefix = Self.prefixes.randomElement(using: &random) ?? ""
        let after = Bool.random(using: &random) ? Self.keys.randomElement(using: &random) : nil
        let limit = Int.random(in: 1...6, using: &random)
        let mine = try await catalog.list(prefix: prefix, after: after, limit: limit)
        let expected = try await model.list(prefix: prefix, after: after, limit: limit)
        try #require(
            mine.map(\.key) == expected.map(\.key),
            "seed \(seed) step \(number): \(prefix) \(String(describing: after))")
    }

    private mutating func restart(copying: Bool) async throws {
        let before = try await catalog.list(prefix: "", after: nil, limit: 1000)
        if copying {
            restarts += 1
            let copy = folder + "/catalog-\(restarts).db"
            for ending in ["", "-wal"] where FileManager.default.fileExists(atPath: path + ending) {
                try FileManager.default.copyItem(atPath: path + ending, toPath: copy + ending)
            }
            // What a write in flight leaves behind the last commit.
            if Bool.random(using: &random), let wal = FileHandle(forWritingAtPath: copy + "-wal") {
                try wal.seekToEnd()
                try wal.write(
                    contentsOf: (0..<Int.random(in: 1...9000, using: &random)).map { UInt8(truncatingIfNeeded: $0) })
                try wal.close()
            }
            await catalog.close()
            path = copy
        } else {
            await catalog.close()
        }
        catalog = try await SQLiteCatalog.open(path: path)
        try await catalog.verify()
        let after = try await catalog.list(prefix: "", after: nil, limit: 1000)
        try #require(before == after, "seed \(seed): a restart has changed something")
    }
}

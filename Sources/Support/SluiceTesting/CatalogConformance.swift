package import SluiceCatalog

/// What every catalog has to do, as checks that a test runs over each implementation.
///
/// Each check expects an empty catalog of its own and throws `CatalogConformance.Failure` when a promise is broken.
package struct CatalogConformance: Sendable, CustomStringConvertible {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package let name: String
    package let run: @Sendable (any Catalog) async throws -> Void

    package var description: String { name }

    package static let checks: [CatalogConformance] = [
        Self(name: "an entry comes back as it was put", run: entryComesBack),
        Self(name: "revisions grow and never repeat", run: revisionsGrow),
        Self(name: "expectations decide, for each kind of change", run: expectationsDecide),
        Self(name: "a conflict names the first key and changes nothing", run: conflictChangesNothing),
        Self(name: "expectations look at the state before the commit", run: expectationsLookBack),
        Self(name: "changes apply in order", run: changesApplyInOrder),
        Self(name: "lists are in byte order, by prefix, in pages", run: listsPage),
        Self(name: "prefixes end where bytes differ", run: prefixesAreBytes),
        Self(name: "a cascade deletes the prefix alone", run: cascadeDeletesPrefix),
        Self(name: "the first of a prefix go, within bounds", run: firstOfAPrefixGo),
        Self(name: "one of many concurrent creators wins", run: oneCreatorWins),
        Self(name: "concurrent increments all count", run: incrementsCount),
    ]

    private static func expect(_ condition: Bool, _ what: String) throws {
        if !condition { throw Failure(description: what) }
    }

    /// The key of the conflict that the commit ends in; nil when it succeeds.
    private static func conflict(_ catalog: any Catalog, _ changes: [CatalogChange]) async throws -> CatalogKey? {
        do throws(CatalogError) {
            try await catalog.commit(changes)
            return nil
        } catch {
            guard error.code == .conflict, let key = error.key else { throw error }
            return key
        }
    }

    @Sendable private static func entryComesBack(_ catalog: any Catalog) async throws {
        let values: [[UInt8]] = [[], [0], Array("text".utf8), (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }]
        for (index, value) in values.enumerated() {
            let key = CatalogKey("a/\(index)/中\u{0}'\"")
            try await catalog.commit([.put(key, value)])
            let entry = try await catalog.get(key)
            try expect(entry?.value == value && entry?.key == key, "value \(index) differs")
        }
        let absent = try await catalog.get("a")
        try expect(absent == nil, "an absent key has a value")
        try await catalog.commit([])
        try await catalog.commit([.delete("never/there")])
    }

    @Sendable private static func revisionsGrow(_ catalog: any Catalog) async throws {
        var last: Int64 = -1
        for round in 0..<10 {
            try await catalog.commit([.put("k", [UInt8(round)])])
            let revision = try await catalog.get("k")?.revision ?? -1
            try expect(revision > last, "revision \(revision) after \(last)")
            last = revision
            if round % 3 == 2 { try await catalog.commit([.delete("k")]) }
        }
    }

    @Sendable private static func expectationsDecide(_ catalog: any Catalog) async throws {
        try await catalog.commit([.put("old", [1]), .put("other", [2])])
        let revision = try await catalog.get("old")?.revision ?? -1
        let rows: [(CatalogKey, CatalogExpectation, Bool)] = [
            ("old", .anything, true), ("old", .present, true), ("old", .absent, false),
            ("old", .revision(revision), true), ("old", .revision(revision - 1), false),
            ("old", .revision(revision + 1), false),
            ("new", .anything, true), ("new", .present, false), ("new", .absent, true),
            ("new", .revision(revision), false), ("new", .revision(0), false),
        ]
        for (key, expectation, holds) in rows {
            let required = try await conflict(catalog, [.require(key, expectation)])
            try expect((required == nil) == holds, "require \(key) \(expectation)")
            guard !holds else { continue }
            let put = try await conflict(catalog, [.put(key, [9], expecting: expectation)])
            let deleted = try await conflict(catalog, [.delete(key, expecting: expectation)])
            try expect(put == key && deleted == key, "put or delete \(key) \(expectation)")
        }
        let entry = try await catalog.get("old")
        try expect(entry?.value == [1] && entry?.revision == revision, "requirements have changed the entry")
        try await catalog.commit([
            .put("old", [3], expecting: .revision(revision)), .put("new", [4], expecting: .absent),
        ])
        let stale = try await conflict(catalog, [.delete("old", expecting: .revision(revision))])
        try expect(stale == "old", "an old revision still holds")
    }

    @Sendable private static func conflictChangesNothing(_ catalog: any Catalog) async throws {
        try await catalog.commit([.put("a", [1]), .put("b", [1])])
        let before = try await catalog.list(prefix: "", after: nil, limit: 10)
        let key = try await conflict(
            catalog,
            [
                .put("c", [2]), .put("a", [2]), .deleteAll(prefix: "b"), .require("a", .present),
                .put("b", [3], expecting: .absent), .delete("c", expecting: .present),
            ])
        try expect(key == "b", "the conflict names \(String(describing: key))")
        let after = try await catalog.list(prefix: "", after: nil, limit: 10)
        try expect(before == after, "a conflicting commit has changed something")
    }

    @Sendable private static func expectationsLookBack(_ catalog: any Catalog) async throws {
        let key = try await conflict(catalog, [.put("a", [1]), .put("a", [2], expecting: .present)])
        try expect(key == "a", "an expectation saw a change of its own commit")
        try await catalog.commit([.put("a", [1], expecting: .absent), .put("a", [2], expecting: .absent)])
        let entry = try await catalog.get("a")
        try expect(entry?.value == [2], "the last of two puts does not stand")
    }

    @Sendable private static func changesApplyInOrder(_ catalog: any Catalog) async throws {
        try await catalog.commit([.put("p/1", [1]), .put("p/2", [1])])
        try await catalog.commit([.deleteAll(prefix: "p/"), .put("p/3", [3]), .put("p/1", [4]), .delete("p/3")])
        let entries = try await catalog.list(prefix: "p/", after: nil, limit: 10)
        try expect(entries.map(\.key) == ["p/1"] && entries.map(\.value) == [[4]], "left: \(entries)")
    }

    @Sendable private static func listsPage(_ catalog: any Catalog) async throws {
        var keys = (0..<57).map { CatalogKey("stream/p/\($0)") }
        keys += ["stream/p/Z", "stream/p/a", "stream/p/é", "stream/p/e\u{301}", "stream/p/\u{10FFFF}"]
        try await catalog.commit(keys.map { .put($0, Array($0.text.utf8)) })
        try await catalog.commit([.put("stream/o/1", []), .put("stream/q/1", []), .put("stream/p", [])])
        for limit in [1, 2, 10, 62, 1000] {
            var seen: [CatalogKey] = []
            var after: CatalogKey?
            while true {
                let page = try await catalog.list(prefix: "stream/p/", after: after, limit: limit)
                try expect(page.count <= limit, "a page of \(page.count) for the limit \(limit)")
                seen += page.map(\.key)
                guard let last = page.last else { break }
                after = last.key
            }
            try expect(seen == keys.sorted(), "pages of \(limit) give \(seen)")
        }
        let between = try await catalog.list(prefix: "stream/p/", after: "stream/p/9x", limit: 1)
        try expect(between.first?.key == "stream/p/Z", "listing after an absent key")
        let before = try await catalog.list(prefix: "stream/p/", after: "a", limit: 1)
        try expect(before.first?.key == "stream/p/0", "listing after a key before the prefix")
        let beyond = try await catalog.list(prefix: "stream/p/", after: "z", limit: 1)
        try expect(beyond.isEmpty, "listing after a key behind the prefix")
    }

    @Sendable private static func prefixesAreBytes(_ catalog: any Catalog) async throws {
        try await catalog.commit([.put("x/e\u{301}", [1]), .put("x/é", [2]), .put("x/e", [3])])
        let found = try await catalog.list(prefix: "x/e", after: nil, limit: 10)
        try expect(found.map(\.value) == [[3], [1]], "found \(found.map(\.value))")
        let composed = try await catalog.get("x/é")
        try expect(composed?.value == [2], "two spellings are one key")
    }

    @Sendable private static func cascadeDeletesPrefix(_ catalog: any Catalog) async throws {
        try await catalog.commit(["s/1/a", "s/1/b", "s/10/a", "s/1", "s/2"].map { .put($0, []) })
        try await catalog.commit([.deleteAll(prefix: "s/1/")])
        let left = try await catalog.list(prefix: "", after: nil, limit: 10)
        try expect(left.map(\.key) == ["s/1", "s/10/a", "s/2"], "left: \(left.map(\.key))")
        try await catalog.commit([.deleteAll(prefix: "")])
        let none = try await catalog.list(prefix: "", after: nil, limit: 10)
        try expect(none.isEmpty, "the empty prefix is everything")
    }

    @Sendable private static func firstOfAPrefixGo(_ catalog: any Catalog) async throws {
        func left() async throws -> [CatalogKey] {
            try await catalog.list(prefix: "", after: nil, limit: 20).map(\.key)
        }
        let value = [UInt8](repeating: 7, count: 10)
        try await catalog.commit(["s", "s/1", "s/2", "s/3", "s/4", "s/5", "t/1"].map { .put($0, value) })
        try await catalog.commit([.deleteFirst(prefix: "s/", entries: 2, bytes: 1000), .put("s/0", value)])
        var found = try await left()
        try expect(found == ["s", "s/0", "s/3", "s/4", "s/5", "t/1"], "left by number: \(found)")
        try await catalog.commit([.deleteFirst(prefix: "s/", entries: 9, bytes: 29)])
        found = try await left()
        try expect(found == ["s", "s/4", "s/5", "t/1"], "left by size: \(found)")
        try await catalog.commit([.deleteFirst(prefix: "s/", entries: 9, bytes: 0)])
        found = try await left()
        try expect(found == ["s", "s/5", "t/1"], "the first goes whatever its size: \(found)")
        try await catalog.commit([.deleteFirst(prefix: "s/", entries: 9, bytes: 1000)])
        try await catalog.commit([.deleteFirst(prefix: "s/", entries: 9, bytes: 1000)])
        found = try await left()
        try expect(found == ["s", "t/1"], "left of the prefix: \(found)")
    }

    @Sendable private static func oneCreatorWins(_ catalog: any Catalog) async throws {
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<32 {
                group.addTask {
                    try await conflict(catalog, [.put("name", [UInt8(number)], expecting: .absent)]) == nil
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        try expect(winners == 1, "\(winners) creators have won")
    }

    @Sendable private static func incrementsCount(_ catalog: any Catalog) async throws {
        let tasks = 8
        let rounds = 10
        try await catalog.commit([.put("n", [0])])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    for round in 0..<rounds {
                        while true {
                            guard let entry = try await catalog.get("n") else { throw Failure(description: "lost") }
                            let changes: [CatalogChange] = [
                                .put("n", [entry.value[0] + 1], expecting: .revision(entry.revision)),
                                .put(CatalogKey("done/\(task)/\(round)"), []),
                            ]
                            if try await conflict(catalog, changes) == nil { break }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let entry = try await catalog.get("n")
        let done = try await catalog.list(prefix: "done/", after: nil, limit: 1000)
        try expect(entry?.value == [UInt8(tasks * rounds)], "counted \(String(describing: entry?.value))")
        try expect(done.count == tasks * rounds, "\(done.count) commits left their mark")
    }
}

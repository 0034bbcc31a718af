import Foundation
import SQLite
import SluiceCatalog
import SluiceTesting
import Testing

@testable import SluiceCatalogSQLite

@Suite struct SQLiteCatalogTests {
    @Test func whatIsCommittedIsThereAfterReopening() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let first = try await SQLiteCatalog.open(path: path)
            try await first.commit([.put("a", [1]), .put("b", [2])])
            let entry = try await first.get("a")
            await first.close()
            let second = try await SQLiteCatalog.open(path: path)
            #expect(try await second.get("a") == entry)
            try await second.commit([.put("a", [3])])
            #expect(try #require(await second.get("a")).revision > #require(entry).revision)
            await second.close()
        }
    }

    @Test func onlyItsOwnerMayReadTheFiles() async throws {
        try await withTemporaryFolder { folder in
            let catalog = try await SQLiteCatalog.open(path: folder + "/catalog.db")
            try await catalog.commit([.put("a", [1])])
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
            await catalog.close()
        }
    }

    @Test func afterClosingEveryCallIsUnavailable() async throws {
        try await withTemporaryFolder { folder in
            let catalog = try await SQLiteCatalog.open(path: folder + "/catalog.db")
            await catalog.close()
            await expectFailure(.unavailable) { try await catalog.commit([.put("a", [])]) }
            await expectFailure(.unavailable) { _ = try await catalog.get("a") }
            await expectFailure(.unavailable) { _ = try await catalog.list(prefix: "", after: nil, limit: 1) }
        }
    }

    @Test func twoOpenersShareOneFile() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            // At once, on a file that does not exist yet.
            let catalogs = try await withThrowingTaskGroup(of: SQLiteCatalog.self) { group in
                for _ in 0..<6 { group.addTask { try await SQLiteCatalog.open(path: path) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, catalog) in catalogs.enumerated() {
                    group.addTask {
                        for round in 0..<20 { try await catalog.commit([.put(CatalogKey("\(number)/\(round)"), [])]) }
                    }
                }
                try await group.waitForAll()
            }
            for catalog in catalogs {
                let all = try await catalog.list(prefix: "", after: nil, limit: 1000)
                #expect(all.count == 120)
                #expect(Set(all.map(\.revision)).count == 120)
                await catalog.close()
            }
        }
    }

    @Test func aWriterThatHoldsTheFileTooLongIsReported() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let catalog = try await SQLiteCatalog.open(path: path, busyTimeout: .zero)
            let other = try SQLiteConnection(path: path, mode: .readWriteCreating, busyTimeoutMilliseconds: 0)
            try other.execute("BEGIN IMMEDIATE")
            await expectFailure(.unavailable) { try await catalog.commit([.put("a", [1])]) }
            #expect(try await catalog.get("a") == nil)
            try other.execute("ROLLBACK")
            try await catalog.commit([.put("a", [1])])
            #expect(try await catalog.get("a")?.value == [1])
            await catalog.close()
        }
    }

    @Test func aCommitThatSQLiteRefusesFailsAlone() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let catalog = try await SQLiteCatalog.open(path: path)
            let other = try SQLiteConnection(path: path, mode: .readWriteCreating, busyTimeoutMilliseconds: 5000)
            try other.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN new.key = x'626164' BEGIN SELECT raise(ABORT, 'no'); END"
            )
            let failures = await withTaskGroup(of: String?.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let key = number == 20 ? "bad" : CatalogKey("good/\(number)")
                        do throws(CatalogError) {
                            try await catalog.commit([.put(CatalogKey("seen/\(key)"), []), .put(key, [])])
                            return nil
                        } catch {
                            return error.code == .unavailable ? key.text : "\(error)"
                        }
                    }
                }
                return await group.reduce(into: [String]()) { if let failure = $1 { $0.append(failure) } }
            }
            #expect(failures == ["bad"])
            #expect(try await catalog.list(prefix: "good/", after: nil, limit: 100).count == 49)
            #expect(try await catalog.get("seen/bad") == nil)
            await catalog.close()
        }
    }

    /// The cost of a page, in SQLite's own machine steps, does not depend on where the page lies or how many there are.
    @Test func pagesOfManyStreamsCostTheSame() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let catalog = try await SQLiteCatalog.open(path: path)
            let value = [UInt8](repeating: 7, count: 400)
            try await catalog.commit((0..<10_000).map { .put(CatalogKey("stream/p/\($0 + 100_000)"), value) })
            var after: CatalogKey?
            var pages = 0
            var last: CatalogKey = ""
            while let end = try await catalog.list(prefix: "stream/p/", after: after, limit: 100).last {
                #expect(end.key > last)
                (after, last, pages) = (end.key, end.key, pages + 1)
            }
            #expect(pages == 100)
            let connection = try SQLiteConnection(path: path, mode: .readOnly, busyTimeoutMilliseconds: 0)
            var plan = ""
            try connection.statement(
                "EXPLAIN QUERY PLAN SELECT key, value, revision, checksum FROM entry WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
            ).forEachRow { row in
                plan += row.text(3)
                return true
            }
            #expect(plan == "SEARCH entry USING PRIMARY KEY (key>? AND key<?)")
            await catalog.close()
        }
    }
}

@Suite struct SQLiteCatalogDamageTests {
    private func expectDamaged(_ path: String, _ words: String) async {
        do {
            _ = try await SQLiteCatalog.open(path: path)
            Issue.record("opened")
        } catch {
            #expect(error.code == .damaged && error.message.contains(words), "\(error)")
        }
    }

    @Test func aFileOfANewerVersionIsRefusedAndLeftAlone() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let catalog = try await SQLiteCatalog.open(path: path)
            try await catalog.commit([.put("a", [1])])
            do {
                let newer = try SQLiteConnection(path: path, mode: .readWriteCreating, busyTimeoutMilliseconds: 0)
                try newer.execute("PRAGMA user_version = 99")
            }
            // Also for a server that was running when a newer one came.
            await expectFailure(.damaged) { try await catalog.commit([.put("a", [2])]) }
            await catalog.close()
            await expectDamaged(path, "newer version")
        }
    }

    @Test func aDatabaseOfAnotherProgramIsRefused() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            do {
                let other = try SQLiteConnection(path: path, mode: .readWriteCreating, busyTimeoutMilliseconds: 0)
                try other.execute("CREATE TABLE photos (name TEXT)")
            }
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            await expectDamaged(path, "another program")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test func aFileThatIsNoDatabaseIsRefused() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            try Data(repeating: 0x61, count: 8192).write(to: URL(fileURLWithPath: path))
            await expectDamaged(path, "\(path): the catalog is damaged")
        }
    }

    @Test(arguments: ["/nowhere/at/all/catalog.db", "/"])
    func aPathThatCannotBeIsUnavailable(path: String) async {
        await expectFailure(.unavailable) { _ = try await SQLiteCatalog.open(path: path) }
    }

    @Test func aChangedValueIsFound() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let catalog = try await SQLiteCatalog.open(path: path)
            try await catalog.commit([.put("a", [1]), .put("b", [1])])
            let other = try SQLiteConnection(path: path, mode: .readWriteCreating, busyTimeoutMilliseconds: 0)
            try other.execute("UPDATE entry SET value = x'02' WHERE key = x'61'")
            await expectFailure(.damaged) { _ = try await catalog.get("a") }
            await expectFailure(.damaged) { _ = try await catalog.list(prefix: "", after: nil, limit: 9) }
            await expectFailure(.damaged) { try await catalog.verify() }
            #expect(try await catalog.get("b")?.value == [1])
            await catalog.close()
        }
    }

    /// Flips a byte in each page of the closed file: opening and verifying says `damaged` or finds everything as it was.
    @Test func flippedBytesNeverGoUnnoticed() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let catalog = try await SQLiteCatalog.open(path: path)
            try await catalog.commit(
                (0..<300).map { .put(CatalogKey("k/\($0)"), Array(repeating: UInt8($0 % 200), count: 90)) })
            let entries = try await catalog.list(prefix: "", after: nil, limit: 1000)
            await catalog.close()
            let sound = try Data(contentsOf: URL(fileURLWithPath: path))
            var found = 0
            for offset in stride(from: 16, to: sound.count, by: 1531) {
                var bytes = sound
                bytes[offset] ^= 0x10
                let copy = folder + "/copy-\(offset).db"
                try bytes.write(to: URL(fileURLWithPath: copy))
                do throws(CatalogError) {
                    let reopened = try await SQLiteCatalog.open(path: copy)
                    try await reopened.verify()
                    let found = try await reopened.list(prefix: "", after: nil, limit: 1000)
                    #expect(found == entries, "offset \(offset): \(found.count) entries of \(sound.count) bytes")
                    await reopened.close()
                } catch {
                    #expect(error.code == .damaged, "offset \(offset): \(error)")
                    found += 1
                }
            }
            #expect(found > 0)
        }
    }
}

private func expectFailure(
    _ code: CatalogError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("no error", sourceLocation: sourceLocation)
    } catch {
        #expect((error as? CatalogError)?.code == code, "\(error)", sourceLocation: sourceLocation)
    }
}

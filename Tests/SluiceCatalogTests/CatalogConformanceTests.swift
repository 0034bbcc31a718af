import SluiceCatalog
import SluiceCatalogSQLite
import SluiceTesting
import Testing

/// The suite that every catalog passes, over each of them.
@Suite struct CatalogConformanceTests {
    @Test(arguments: CatalogConformance.checks)
    func memory(check: CatalogConformance) async throws {
        try await check.run(MemoryCatalog())
    }

    @Test(arguments: CatalogConformance.checks)
    func sqlite(check: CatalogConformance) async throws {
        try await withTemporaryFolder { folder in
            let catalog = try await SQLiteCatalog.open(path: folder + "/catalog.db")
            try await check.run(catalog)
            try await catalog.verify()
            await catalog.close()
        }
    }
}

/// Records that change together: each change also writes one record more, the generation.
///
/// So all changes happen one after another, whichever process makes them, and a reader learns of any change by one look
/// at one key. A generation is the revision of that record, 0 before the first change.
package struct CatalogCollection: Sendable {
    package let catalog: any Catalog
    private let generationKey: CatalogKey

    /// Readings, and decisions over them, that one call begins anew because a change came in between.
    package static let attemptsMax = 16

    package init(in catalog: any Catalog, generation key: CatalogKey) {
        self.catalog = catalog
        generationKey = key
    }

    /// The generation as it is now.
    package func generation<Failure: CatalogCausedError>(throwing: Failure.Type) async throws(Failure) -> Int64 {
        do throws(CatalogError) {
            return try await catalog.get(generationKey)?.revision ?? 0
        } catch {
            throw Failure(error)
        }
    }

    /// What `body` reads and makes of it, as of the one generation it is given; nil when a change came between each of
    /// `attemptsMax` attempts.
    package func read<Content, Failure: CatalogCausedError>(
        _ body: (_ generation: Int64) async throws(Failure) -> Content
    ) async throws(Failure) -> Content? {
        var generation = try await generation(throwing: Failure.self)
        for _ in 0..<Self.attemptsMax {
            let content: Result<Content, Failure>
            do throws(Failure) {
                content = .success(try await body(generation))
            } catch {
                content = .failure(error)
            }
            // Records of two generations may contradict each other: what comes of them counts for nothing, errors too.
            let after = try await self.generation(throwing: Failure.self)
            if after == generation { return try content.get() }
            generation = after
        }
        return nil
    }

    /// Decides over a snapshot and commits only if it still is the newest, else decides again; nil when others were
    /// faster `attemptsMax` times. What `decide` throws ends it, and nothing has changed then.
    package func change<Snapshot: CatalogSnapshot, Value, Failure: CatalogCausedError>(
        from load: () async throws(Failure) -> Snapshot,
        _ decide: (Snapshot) throws(Failure) -> ([CatalogChange], Value)
    ) async throws(Failure) -> Value? {
        for _ in 0..<Self.attemptsMax {
            let snapshot = try await load()
            let (changes, value) = try decide(snapshot)
            do throws(CatalogError) {
                try await catalog.commit([nextGeneration(after: snapshot.generation)] + changes)
                return value
            } catch {
                if error.code != .conflict { throw Failure(error) }
            }
        }
        return nil
    }

    /// The part of a commit that makes it depend on the generation and ends it.
    package func nextGeneration(after generation: Int64) -> CatalogChange {
        .put(generationKey, [], expecting: generation == 0 ? .absent : .revision(generation))
    }
}

/// A collection at one moment, in memory; a later one has a higher generation.
package protocol CatalogSnapshot: Sendable {
    var generation: Int64 { get }
}

/// An error of a room over the catalog, which can say that the catalog failed.
package protocol CatalogCausedError: Error {
    init(_ error: CatalogError)
}

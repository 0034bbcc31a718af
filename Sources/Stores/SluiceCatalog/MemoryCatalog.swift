internal import Synchronization

/// A catalog that lives and dies with the process: for tests, and the model that the real ones are checked against.
package final class MemoryCatalog: Catalog {
    private struct State {
        var entries: [CatalogKey: CatalogEntry] = [:]
        /// All keys in order.
        var keys: [CatalogKey] = []
        var revision: Int64 = 0

        func firstIndex(notBefore key: CatalogKey) -> Int {
            var low = 0
            var high = keys.count
            while low < high {
                let middle = (low + high) / 2
                if keys[middle] < key { low = middle + 1 } else { high = middle }
            }
            return low
        }

        mutating func put(_ key: CatalogKey, _ value: [UInt8]) {
            if entries[key] == nil { keys.insert(key, at: firstIndex(notBefore: key)) }
            entries[key] = CatalogEntry(key: key, value: value, revision: revision)
        }

        mutating func delete(_ key: CatalogKey) {
            guard entries.removeValue(forKey: key) != nil else { return }
            keys.remove(at: firstIndex(notBefore: key))
        }

        func keys(with prefix: CatalogKey) -> [CatalogKey] {
            keys[firstIndex(notBefore: prefix)...].prefix { $0.hasPrefix(prefix) }.map(\.self)
        }

        func firstKeys(with prefix: CatalogKey, entries limit: Int, bytes: Int) -> [CatalogKey] {
            var size = 0
            var found: [CatalogKey] = []
            for key in keys[firstIndex(notBefore: prefix)...] {
                size += entries[key]?.value.count ?? 0
                guard key.hasPrefix(prefix), found.count < limit, found.isEmpty || size <= bytes else { break }
                found.append(key)
            }
            return found
        }

        func holds(_ expectation: CatalogExpectation, for key: CatalogKey) -> Bool {
            switch expectation {
            case .anything: true
            case .absent: entries[key] == nil
            case .present: entries[key] != nil
            case .revision(let revision): entries[key]?.revision == revision
            }
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func get(_ key: CatalogKey) async throws(CatalogError) -> CatalogEntry? {
        state.withLock { $0.entries[key] }
    }

    package func list(prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(CatalogError) -> [CatalogEntry] {
        state.withLock { state in
            var index = state.firstIndex(notBefore: max(prefix, after ?? prefix))
            if let after, index < state.keys.count, state.keys[index] == after { index += 1 }
            return state.keys[index...].prefix { $0.hasPrefix(prefix) }.prefix(limit)
                .compactMap { state.entries[$0] }
        }
    }

    package func commit(_ changes: [CatalogChange]) async throws(CatalogError) {
        let failed: CatalogKey? = state.withLock { state in
            for change in changes {
                switch change {
                case .put(let key, _, let expectation), .delete(let key, let expectation),
                    .require(let key, let expectation):
                    guard state.holds(expectation, for: key) else { return key }
                case .deleteAll, .deleteFirst: break
                }
            }
            state.revision += 1
            for change in changes {
                switch change {
                case .put(let key, let value, _): state.put(key, value)
                case .delete(let key, _): state.delete(key)
                case .deleteAll(let prefix): state.keys(with: prefix).forEach { state.delete($0) }
                case .deleteFirst(let prefix, let entries, let bytes):
                    state.firstKeys(with: prefix, entries: entries, bytes: bytes).forEach { state.delete($0) }
                case .require: break
                }
            }
            return nil
        }
        if let failed { throw CatalogError(.conflict, key: failed, "the record is not as expected") }
    }
}

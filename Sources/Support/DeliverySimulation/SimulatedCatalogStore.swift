internal import SluiceCatalog
internal import Synchronization

/// Where the catalog is kept from one process to the next: in memory, or in real files.
///
/// Files are not closed when their process dies: the next one begins with a copy of them as they are at its start, as
/// after a `kill -9`. Processes that share a catalog work on the same file.
final class SimulatedCatalogStore: Sendable {
    private let memory = MemoryCatalog()
    private let folder: String?
    /// How many files there have been.
    private let files = Mutex(0)

    init(folder: String?) {
        self.folder = folder
    }

    func open(isShared: Bool) throws -> any Catalog {
        guard let folder else { return memory }
        let (file, image) = files.withLock { count in
            let last = count > 0 ? "\(folder)/\(count).db" : nil
            if isShared, let last { return (last, nil as String?) }
            count += 1
            return ("\(folder)/\(count).db", last)
        }
        return try FileCatalog(path: file, imageOf: image)
    }
}

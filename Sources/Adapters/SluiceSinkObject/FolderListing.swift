internal import SluiceCore
internal import SluicePorts

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Lists the files of a folder and those inside it in the order of their keys' bytes, as object stores do: a folder counts
/// with the slash behind its name.
///
/// Of each folder twice the limit of names is in memory at most, however many it holds; a large one is read once for each
/// listing.
struct FolderListing {
    /// Folders inside one another; keys have some thirty at most.
    private static let depthMax = 64

    private let folder: String
    private let prefix: [UInt8]
    private let after: [UInt8]?
    private let limit: Int
    private let isWanted: () -> Bool
    private(set) var result = ObjectListing(objects: [], hasMore: false)

    private struct Entry {
        /// Relative to the listed folder.
        let key: String
        let bytes: [UInt8]
        let isFolder: Bool
    }

    init(_ folder: String, below prefix: String, after: String?, limit: Int, while isWanted: @escaping () -> Bool) {
        self.folder = folder
        self.prefix = Array(prefix.utf8)
        self.after = after.map { Array($0.utf8) }
        self.limit = max(1, limit)
        self.isWanted = isWanted
    }

    mutating func run() throws(FolderFault) { try list("", depth: 0) }

    private mutating func list(_ directory: String, depth: Int) throws(FolderFault) {
        guard depth < Self.depthMax else { return }
        var passed: [UInt8]?
        while isWanted() {
            let entries = try entries(of: directory, after: passed)
            for entry in entries {
                guard result.objects.count < limit else {
                    result.hasMore = true
                    return
                }
                if entry.isFolder {
                    try list(entry.key, depth: depth + 1)
                    if result.hasMore { return }
                } else if let object = try object(entry.key) {
                    result.objects.append(object)
                }
            }
            guard entries.count == limit else { return }
            passed = entries.last?.bytes
        }
    }

    private func object(_ key: String) throws(FolderFault) -> ListedObject? {
        let path = folder + "/" + key
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else {
            if errno == ENOENT { return nil }
            throw FolderFault.current("look at", path)
        }
        guard facts.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = Int64(facts.st_mtim.tv_sec) * 1000 + Int64(facts.st_mtim.tv_nsec) / 1_000_000
        return ListedObject(
            key: key, length: Int(facts.st_size), modifiedAt: Timestamp(milliseconds: modified))
    }

    /// The first names of a folder behind `passed` that may matter, as many as the limit at most.
    private func entries(of directory: String, after passed: [UInt8]?) throws(FolderFault) -> [Entry] {
        let path = directory.isEmpty ? folder : folder + "/" + directory
        guard let handle = unsafe opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw FolderFault.current("list", path)
        }
        defer { unsafe closedir(handle) }
        var found: [Entry] = []
        errno = 0
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            let kind = unsafe entry.pointee.d_type
            if name == "." || name == ".." || (directory.isEmpty && name == FolderSink.temporaryFolder) { continue }
            let isFolder = kind == UInt8(DT_DIR) || (kind != UInt8(DT_REG) && isFolder(folder + "/" + directory + name))
            let key = directory + name + (isFolder ? "/" : "")
            let candidate = Entry(key: key, bytes: Array(key.utf8), isFolder: isFolder)
            errno = 0
            guard matters(candidate), passed.map({ $0.lexicographicallyPrecedes(candidate.bytes) }) ?? true else {
                continue
            }
            found.append(candidate)
            if found.count >= 2 * limit { found = first(of: found) }
        }
        if errno != 0 { throw FolderFault.current("list", path) }
        return first(of: found)
    }

    private func first(of entries: [Entry]) -> [Entry] {
        Array(entries.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.prefix(limit))
    }

    private func matters(_ entry: Entry) -> Bool {
        guard entry.bytes.starts(with: prefix) || (entry.isFolder && prefix.starts(with: entry.bytes)) else {
            return false
        }
        guard let after else { return true }
        return after.lexicographicallyPrecedes(entry.bytes) || (entry.isFolder && after.starts(with: entry.bytes))
    }

    /// Links count for nothing: a few of them could lead round and round.
    private func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}

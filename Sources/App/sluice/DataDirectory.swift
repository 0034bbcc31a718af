internal import SluiceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where everything lies within the data directory; docs/OPERATIONS.md lists it for people.
struct DataDirectory: Sendable {
    let path: String

    var lock: String { path + "/lock" }
    var credentials: String { path + "/credentials.json" }
    var catalog: String { path + "/catalog.db" }
    /// In a folder of its own, so that it can lie on another volume and a copy of the catalog does not take it along.
    var sealingKey: String { path + "/keys/sealing.key" }
    var log: String { path + "/log" }
    var buckets: String { path + "/buckets" }
}

/// The path from the root, because whoever uses it may be in another folder.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    var buffer = [CChar](repeating: 0, count: 4096)
    guard unsafe getcwd(&buffer, buffer.count) != nil else { return path }
    let folder = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: folder, as: UTF8.self) + "/" + path
}

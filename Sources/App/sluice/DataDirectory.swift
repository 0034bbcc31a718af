internal import SluiceCore

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

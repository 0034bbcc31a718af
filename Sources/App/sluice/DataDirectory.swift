internal import SluiceCore

/// Where everything lies within the data directory; docs/OPERATIONS.md lists it for people.
struct DataDirectory: Sendable {
    let path: String

    var lock: String { path + "/lock" }
    var credentials: String { path + "/credentials.json" }
    var catalog: String { path + "/catalog.db" }
    var sealingKey: String { path + "/sealing.key" }
    var log: String { path + "/log" }
    var buckets: String { path + "/buckets" }
}

internal import FoundationEssentials
internal import SluiceCatalog
package import SluiceCore

/// A consuming program; it owns checkpoints (spec section 2.2).
package struct App: Sendable, Codable, Equatable {
    package var version = 1
    package let id: String
    package let name: String
    package let createdAt: Timestamp

    package static func isValid(name: String) -> Bool { name.isName(upTo: 200) }
}

extension Streams {
    static func appPrefix(_ project: ProjectID) -> CatalogKey { CatalogKey("app", project.text, trailingSlash: true) }
    static func appKey(_ project: ProjectID, _ name: String) -> CatalogKey { CatalogKey("app", project.text, name) }

    /// Makes an app; of two that race for a name one gets `appExists`.
    package func createApp(named name: String, in project: ProjectID) async throws(StreamsError) {
        guard App.isValid(name: name) else { throw .invalid("app_name is invalid") }
        try await exclusively { () throws(StreamsError) in
            if try await self.entry(Self.appKey(project, name)) != nil { throw StreamsError(.appExists) }
            guard try await self.appCount(in: project) < self.configuration.appQuota else {
                throw StreamsError(.appQuotaExceeded)
            }
            let app = App(id: self.identifiers.next(), name: name, createdAt: self.time.now())
            try await self.commit([.put(Self.appKey(project, name), Self.encode(app), expecting: .absent)])
        }
    }

    /// The app of that name; throws `appNotFound`.
    package func app(named name: String, in project: ProjectID) async throws(StreamsError) -> App {
        guard App.isValid(name: name), let entry = try await entry(Self.appKey(project, name)) else {
            throw StreamsError(.appNotFound)
        }
        return try Self.decode(App.self, entry)
    }

    /// How many apps the project has.
    package func appCount(in project: ProjectID) async throws(StreamsError) -> Int {
        try await apps(in: project).count
    }

    /// One page of apps in ascending order of names, strictly after `start`; with `stream`, only those that have a
    /// checkpoint in it. The total counts all that match.
    package func listApps(
        in project: ProjectID, after start: String?, limit: Int, with stream: LiveStream?
    ) async throws(StreamsError) -> (apps: [App], hasMore: Bool, totalCount: Int) {
        var matching: [App] = []
        for app in try await apps(in: project) {
            if let stream {
                let prefix = Self.checkpointPrefix(project, app: app.name, stream: stream.record.id)
                guard try await !entries(prefix, after: nil, limit: 1).isEmpty else { continue }
            }
            matching.append(app)
        }
        let rest = matching.drop { app in start.map { !$0.utf8.lexicographicallyPrecedes(app.name.utf8) } ?? false }
        return (Array(rest.prefix(limit)), rest.count > limit, matching.count)
    }

    /// Names of the streams in which the app has a checkpoint, ascending.
    package func streamNames(withCheckpointsOf app: String, in project: ProjectID) async throws(StreamsError)
        -> [String]
    {
        let prefix = CatalogKey("checkpoint", project.text, app, trailingSlash: true)
        var names: [String] = []
        var after: CatalogKey?
        // One look-up a stream: the next key is asked for after the last possible one of the stream just seen.
        while let entry = try await entries(prefix, after: after, limit: 1).first {
            guard let id = entry.key.text.dropFirst(prefix.text.count).split(separator: "/").first else { break }
            if let stream = try directory.stream(id: StreamID(String(id))) { names.append(stream.record.name.text) }
            after = CatalogKey(prefix.text + id + "/\u{10FFFF}")
        }
        return names.sorted()
    }

    /// Removes an app with its checkpoints; throws `appInUse` while its group has live members.
    package func deleteApp(named name: String, in project: ProjectID) async throws(StreamsError) {
        try await exclusively { () throws(StreamsError) in
            guard App.isValid(name: name), try await self.entry(Self.appKey(project, name)) != nil else {
                throw StreamsError(.appNotFound)
            }
            guard !self.groups.hasMembers(project: project, group: name, now: self.time.elapsed()) else {
                throw StreamsError(.appInUse)
            }
            try await self.commit([
                .delete(Self.appKey(project, name)),
                .deleteAll(prefix: CatalogKey("checkpoint", project.text, name, trailingSlash: true)),
            ])
            self.groups.forget(project: project, group: name)
        }
    }

    /// All apps of a project in order; at most the quota's number and so read whole.
    private func apps(in project: ProjectID) async throws(StreamsError) -> [App] {
        var apps: [App] = []
        var after: CatalogKey?
        while true {
            let page = try await entries(Self.appPrefix(project), after: after, limit: 500)
            guard let last = page.last else { return apps }
            after = last.key
            for entry in page { apps.append(try Self.decode(App.self, entry)) }
        }
    }

    // MARK: The catalog with this module's errors

    func entry(_ key: CatalogKey) async throws(StreamsError) -> CatalogEntry? {
        do {
            return try await catalog.get(key)
        } catch {
            throw StreamsError(.storageUnavailable, "[the catalog is not available]")
        }
    }

    func entries(_ prefix: CatalogKey, after: CatalogKey?, limit: Int) async throws(StreamsError) -> [CatalogEntry] {
        do {
            return try await catalog.list(prefix: prefix, after: after, limit: limit)
        } catch {
            throw StreamsError(.storageUnavailable, "[the catalog is not available]")
        }
    }

    static func encode(_ value: some Encodable) throws(StreamsError) -> [UInt8] {
        do {
            return Array(try JSONEncoder().encode(value))
        } catch {
            throw StreamsError(.storageUnavailable, "[a record cannot be written]")
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ entry: CatalogEntry) throws(StreamsError) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(entry.value))
        } catch {
            throw StreamsError(.storageUnavailable, "[the catalog's record \(entry.key) cannot be read]")
        }
    }
}

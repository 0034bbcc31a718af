package import SluiceCore

/// Which streams a search by tags finds; all given conditions hold together (spec section 2.6).
package struct TagFilter: Sendable {
    package struct Condition: Sendable {
        package let key: String
        /// Any of these; none means any value. A value that begins with `*` matches whatever contains the rest.
        package let values: [String]

        package init(key: String, values: [String]) {
            self.key = key
            self.values = values
        }

        func holds(for tags: [Tag]) -> Bool {
            tags.contains { tag in
                tag.key == key
                    && (values.isEmpty
                        || values.contains { value in
                            value.hasPrefix("*") ? tag.value.contains(value.dropFirst()) : tag.value == value
                        })
            }
        }
    }

    package var all: [Condition] = []
    package var any: [Condition] = []
    package var notAll: [Condition] = []
    package var notAny: [Condition] = []
    /// Texts that the stream's name must contain.
    package var nameParts: [String] = []

    package init() {}

    func matches(_ stream: Stream) -> Bool {
        all.allSatisfy { $0.holds(for: stream.tags) }
            && (any.isEmpty || any.contains { $0.holds(for: stream.tags) })
            && (notAll.isEmpty || !notAll.allSatisfy { $0.holds(for: stream.tags) })
            && !notAny.contains { $0.holds(for: stream.tags) }
            && nameParts.allSatisfy { stream.name.text.contains($0) }
    }
}

extension Streams {
    /// The stream that a tag route names by id or name; throws `resourceNotFound`.
    package func taggedStream(_ idOrName: String, in project: ProjectID) throws(StreamsError) -> LiveStream {
        do {
            return try stream(idOrName, in: project)
        } catch {
            if error.code == .streamNotFound { throw StreamsError(.resourceNotFound, "[\(idOrName)]") }
            throw error
        }
    }

    /// Adds tags; a known key gets the new value. All or nothing: more than ten in the end is `tooManyTags`.
    package func addTags(_ tags: [Tag], to stream: LiveStream) async throws(StreamsError) {
        var keys: Set<String> = []
        for tag in tags {
            try TagRules.check(tag)
            guard keys.insert(tag.key).inserted else { throw .invalid("tag key \(tag.key) is given twice") }
        }
        _ = try await change(stream) { (record: inout Stream) throws(StreamsError) in
            for tag in tags {
                if let index = record.tags.firstIndex(where: { $0.key == tag.key }) {
                    record.tags[index].value = tag.value
                } else {
                    record.tags.append(tag)
                }
            }
            guard record.tags.count <= StreamRules.maximumTags else { throw StreamsError(.tooManyTags) }
        }
    }

    /// Removes tags by key; unknown ones are skipped, unless `mustExist`: then `tagKeyNotFound`.
    package func removeTags(
        _ keys: [String], from stream: LiveStream, mustExist: Bool = false
    ) async throws(StreamsError) {
        _ = try await change(stream) { (record: inout Stream) throws(StreamsError) in
            for key in keys {
                guard !key.isEmpty else { throw .invalid("tag key must not be empty") }
                if mustExist, !record.tags.contains(where: { $0.key == key }) {
                    throw StreamsError(.tagKeyNotFound, "[\(key)]")
                }
                record.tags.removeAll { $0.key == key }
            }
        }
    }

    /// Every tag key in use in the project, with its different values; both ascending.
    package func tagValues(in project: ProjectID) throws(StreamsError) -> [(key: String, values: [String])] {
        var values: [String: Set<String>] = [:]
        for record in try everyRecord(in: project) {
            for tag in record.tags { values[tag.key, default: []].insert(tag.value) }
        }
        return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    /// Streams that the filter finds, in ascending order of names.
    package func search(_ filter: TagFilter, in project: ProjectID) throws(StreamsError) -> [Stream] {
        try everyRecord(in: project).filter(filter.matches)
    }

    private func everyRecord(in project: ProjectID) throws(StreamsError) -> [Stream] {
        var records: [Stream] = []
        for name in directory.names(in: project, after: nil, limit: .max).names {
            if let record = try directory.stream(named: name, in: project)?.record { records.append(record) }
        }
        return records
    }
}

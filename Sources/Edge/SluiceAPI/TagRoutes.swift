internal import HTTPTypes
internal import SluiceCore
package import SluiceStreams
internal import SluiceWire

/// The seven tag operations (spec section 2.6).
package struct TagRoutes: Sendable {
    private let streams: Streams

    package init(streams: Streams) {
        self.streams = streams
    }

    package var routes: [Route] {
        [
            Route("GET", "/v2/{project_id}/stream/tags", listTags),
            Route("POST", "/v2/{project_id}/stream/resource_instances/action", search),
            Route("POST", "/v2/{project_id}/stream/{stream}/tags", create),
            Route("GET", "/v2/{project_id}/stream/{stream}/tags", show),
            Route("POST", "/v2/{project_id}/stream/{stream}/tags/action", batch),
            Route("DELETE", "/v2/{project_id}/stream/{stream}/tags/{key}", delete),
        ]
    }

    private func stream(_ context: RequestContext) throws -> LiveStream {
        try streams.taggedStream(context.parameter("stream"), in: context.project)
    }

    @Sendable private func create(_ context: RequestContext) async throws -> HTTPResponse {
        let stream = try stream(context)
        let body = try context.decode(CreateTagBody.self)
        guard let tag = body.tag else { throw APIError.invalid("tag is missing") }
        try await streams.addTags(
            [Tag(key: tag.key?.value ?? "", value: tag.value?.value ?? "")], to: stream)
        return .empty(204)
    }

    @Sendable private func delete(_ context: RequestContext) async throws -> HTTPResponse {
        try await streams.removeTags([context.parameter("key")], from: try stream(context), mustExist: true)
        return .empty(204)
    }

    @Sendable private func batch(_ context: RequestContext) async throws -> HTTPResponse {
        let stream = try stream(context)
        let body = try context.decode(TagsActionBody.self)
        let tags = (body.tags ?? []).map { Tag(key: $0.key?.value ?? "", value: $0.value?.value ?? "") }
        guard body.action == "create" || body.action == "delete" else {
            throw StreamsError(.unsupportedAction, "[\(body.action ?? "")]")
        }
        guard !tags.isEmpty else { throw APIError.invalid("tags is empty") }
        if body.action == "create" {
            try await streams.addTags(tags, to: stream)
        } else {
            try await streams.removeTags(tags.map(\.key), from: stream)
        }
        return .empty(204)
    }

    @Sendable private func show(_ context: RequestContext) async throws -> HTTPResponse {
        let record = try stream(context).record
        let system = record.systemTags.map { TagAnswer(key: $0.key, value: $0.value) }
        return try .json(
            200,
            ShowTagsAnswer(
                tags: record.tags.map { TagAnswer(key: $0.key, value: $0.value) },
                sys_tags: system.isEmpty ? nil : system))
    }

    @Sendable private func listTags(_ context: RequestContext) async throws -> HTTPResponse {
        let values = try streams.tagValues(in: context.project)
        return try .json(200, ListTagsAnswer(tags: values.map { TagValuesAnswer(key: $0.key, values: $0.values) }))
    }

    @Sendable private func search(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(SearchByTagsBody.self)
        guard let action = body.action, action == "filter" || action == "count" else {
            throw APIError.invalid("action must be filter or count")
        }
        var filter = TagFilter()
        filter.all = try Self.conditions(body.tags, "tags")
        filter.any = try Self.conditions(body.tags_any, "tags_any")
        filter.notAll = try Self.conditions(body.not_tags, "not_tags")
        filter.notAny = try Self.conditions(body.not_tags_any, "not_tags_any")
        filter.nameParts = try Self.nameParts(body.matches)
        let limit = body.limit?.value ?? 1000
        let offset = body.offset?.value ?? 0
        guard (1...1000).contains(limit) else { throw APIError.invalid("limit \(limit) is not within 1 to 1000") }
        guard offset >= 0 else { throw APIError.invalid("offset \(offset) is below 0") }
        let found = try streams.search(filter, in: context.project)
        guard action == "filter" else {
            return try .json(200, SearchByTagsAnswer(resources: nil, total_count: found.count))
        }
        let page = found.dropFirst(offset).prefix(limit).map { record in
            ResourceAnswer(
                resource_id: record.id.text, resource_name: record.name.text,
                tags: record.tags.map { TagAnswer(key: $0.key, value: $0.value) })
        }
        return try .json(200, SearchByTagsAnswer(resources: page, total_count: found.count))
    }

    /// At most ten different keys with ten values each.
    private static func conditions(
        _ bodies: [TagConditionBody]?, _ member: String
    ) throws(APIError) -> [TagFilter.Condition] {
        let bodies = bodies ?? []
        guard bodies.count <= 10 else { throw .invalid("\(member) has more than 10 keys") }
        var keys: Set<String> = []
        var conditions: [TagFilter.Condition] = []
        for body in bodies {
            guard let key = body.key?.value, !key.isEmpty else { throw .invalid("\(member) has an empty key") }
            guard keys.insert(key).inserted else { throw .invalid("\(member) has the key \(key) twice") }
            let values = (body.values ?? []).map(\.value)
            guard values.count <= 10 else { throw .invalid("\(member) has more than 10 values of one key") }
            conditions.append(TagFilter.Condition(key: key, values: values))
        }
        return conditions
    }

    /// `matches` as an array, as JSON text or as one object; its only key is `resource_name`.
    private static func nameParts(_ matches: JSONValue?) throws(APIError) -> [String] {
        switch matches {
        case nil, .null?: return []
        case .string(let text)?:
            guard !text.isEmpty else { return [] }
            guard let value = try? JSONValue(parsing: text) else { throw .invalid("matches is invalid") }
            if case .string = value { throw .invalid("matches is invalid") }
            return try nameParts(value)
        case .array(let values)?:
            var parts: [String] = []
            for value in values { parts += try nameParts(value) }
            return parts
        case .object?:
            guard matches?["key"]?.string == "resource_name" else {
                throw .invalid("matches may only have the key resource_name")
            }
            return matches?["value"]?.string.map { [$0] } ?? []
        default: throw .invalid("matches is invalid")
        }
    }
}

internal import HTTPTypes
internal import SluiceCore
package import SluiceStreams
internal import SluiceWire

/// Who else may use a stream (spec section 2.9.5).
package struct PolicyRoutes: Sendable {
    private let streams: Streams

    package init(streams: Streams) {
        self.streams = streams
    }

    package var routes: [Route] {
        [
            Route("GET", "/v2/{project_id}/streams/{stream}/policies", list),
            Route("POST", "/v2/{project_id}/streams/{stream}/policies", create),
            Route("POST", "/v3/{project_id}/streams/{stream}/policies", create),
            Route("DELETE", "/v2/{project_id}/streams/{stream}/policies", delete),
        ]
    }

    @Sendable private func list(_ context: RequestContext) async throws -> HTTPResponse {
        let record = try streams.stream(context.parameter("stream"), in: context.project).record
        return try .json(
            200,
            ListPoliciesAnswer(
                stream_id: record.id.text,
                rules: record.policies.map { policy in
                    PolicyAnswer(
                        principal: policy.principalID, principal_name: policy.principalName,
                        action_type: policy.action.rawValue, effect: policy.effect.rawValue)
                }))
    }

    @Sendable private func create(_ context: RequestContext) async throws -> HTTPResponse {
        let (stream, policy) = try rule(context, defaultEffect: .deny)
        try await streams.setPolicy(policy, of: stream)
        return .empty(200)
    }

    @Sendable private func delete(_ context: RequestContext) async throws -> HTTPResponse {
        let (stream, policy) = try rule(context, defaultEffect: .accept)
        try await streams.removePolicy(policy, of: stream)
        return .empty(200)
    }

    private func rule(
        _ context: RequestContext, defaultEffect: Policy.Effect
    ) throws -> (stream: LiveStream, policy: Policy) {
        let stream = try streams.stream(context.parameter("stream"), in: context.project)
        let body = try context.decode(PolicyBody.self)
        if let id = body.stream_id?.value, !id.isEmpty, id != stream.record.id.text {
            throw APIError.invalid("stream_id \(id) is another stream")
        }
        guard let action = body.action_type.flatMap(Policy.Action.init) else {
            throw APIError.invalid("action_type \(body.action_type ?? "") is invalid")
        }
        var effect = defaultEffect
        if let text = body.effect, !text.isEmpty {
            guard let known = Policy.Effect(rawValue: text.lowercased()) else {
                throw APIError.invalid("effect \(text) is invalid")
            }
            effect = known
        }
        let id = body.principal_id?.value ?? ""
        let name = body.principal_name ?? ""
        guard !id.isEmpty || !name.isEmpty else { throw APIError.invalid("principal_name is missing") }
        return (stream, Policy(principalID: id, principalName: id.isEmpty ? name : "", action: action, effect: effect))
    }
}

internal import HTTPTypes
internal import SluiceCore
package import SluiceStreams
internal import SluiceWire

/// The coordinator of consumer groups (spec section 2.8). Its outcomes are states in a 200, not HTTP errors.
package struct GroupRoutes: Sendable {
    private let streams: Streams

    package init(streams: Streams) {
        self.streams = streams
    }

    package var routes: [Route] {
        [
            Route("POST", "/v2/{project_id}/apps/{app}/consumers", join),
            Route("POST", "/v2/{project_id}/apps/{app}/consumers/{client}/partitions", sync),
            Route("POST", "/v2/{project_id}/apps/{app}/consumers/{client}/heartbeats", heartbeat),
            Route("DELETE", "/v2/{project_id}/apps/{app}/consumers/{client}", leave),
        ]
    }

    /// Added to the wait that a member is told, so that its sync never comes a moment too early: a `WAITING` costs the
    /// Kafka adapter five seconds.
    private static let syncMargin = Duration.milliseconds(50)

    @Sendable private func join(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(JoinGroupBody.self)
        guard let client = body.clientId?.value, !client.isEmpty, client.utf8.count <= 256 else {
            throw APIError.invalid("clientId is missing or too long")
        }
        let subscription: Subscription
        if let names = body.interestedStream, !names.isEmpty {
            subscription = .names(names.map(\.value))
        } else if let ids = body.interestedStreamIdList, !ids.isEmpty {
            subscription = .ids(ids.map(\.value))
        } else if let pattern = body.streamPattern, !pattern.isEmpty {
            subscription = .pattern(pattern)
        } else {
            return try .json(200, JoinGroupAnswer(state: "ERR_SUBSCRIPTION"))
        }
        let answer = try await streams.joinGroup(
            context.parameter("app"), client: client, subscription: subscription, in: context.project)
        switch answer {
        case .noSuchGroup: return try .json(200, JoinGroupAnswer(state: "GROUP_NOT_EXIST"))
        case .badSubscription: return try .json(200, JoinGroupAnswer(state: "ERR_SUBSCRIPTION"))
        case .joined(let names, let delay):
            return try .json(
                200,
                JoinGroupAnswer(
                    state: "OK", subscription: names, syncDelayedTimeMs: (delay + Self.syncMargin).inMilliseconds))
        }
    }

    @Sendable private func sync(_ context: RequestContext) async throws -> HTTPResponse {
        let answer = try await streams.syncGroup(
            context.parameter("app"), client: context.parameter("client"), in: context.project)
        switch answer {
        case .noSuchGroup: return try .json(200, SyncGroupAnswer(state: "GROUP_NOT_EXIST"))
        case .waiting: return try .json(200, SyncGroupAnswer(state: "WAITING"))
        case .rejoin: return try .json(200, SyncGroupAnswer(state: "REJOIN"))
        case .assigned(let generation, let assignment):
            return try .json(
                200,
                SyncGroupAnswer(
                    state: "OK", generation: generation, assignment: assignment.mapValues { $0.map(\.value) }))
        }
    }

    @Sendable private func heartbeat(_ context: RequestContext) async throws -> HTTPResponse {
        let body = try context.decode(GroupMemberBody.self)
        let answer = try await streams.heartbeat(
            context.parameter("app"), client: context.parameter("client"), generation: body.generation?.value ?? -1,
            in: context.project)
        let state =
            switch answer {
            case .stable: "STABLE"
            case .joining: "JOINING"
            case .syncing: "SYNCING"
            case .noSuchGroup: "GROUP_NOT_EXIST"
            }
        return try .json(200, HeartbeatAnswerBody(state: state))
    }

    @Sendable private func leave(_ context: RequestContext) async throws -> HTTPResponse {
        try await streams.leaveGroup(
            context.parameter("app"), client: context.parameter("client"), in: context.project)
        return .empty(204)
    }
}

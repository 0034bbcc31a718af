// Bodies of apps, checkpoints and consumer groups, letter for letter (spec sections 2.2, 2.3 and 2.8).

package struct CreateAppBody: Decodable, Sendable {
    package let app_name: LenientString?
}

package struct AppAnswer: Encodable, Sendable {
    package let app_id: String
    package let app_name: String
    package let create_time: Int64
    package let commit_checkpoint_stream_names: [String]

    package init(app_id: String, app_name: String, create_time: Int64, commit_checkpoint_stream_names: [String]) {
        self.app_id = app_id
        self.app_name = app_name
        self.create_time = create_time
        self.commit_checkpoint_stream_names = commit_checkpoint_stream_names
    }
}

package struct ListAppsAnswer: Encodable, Sendable {
    package let has_more_app: Bool
    package let total_number: Int
    package let apps: [AppAnswer]

    package init(has_more_app: Bool, total_number: Int, apps: [AppAnswer]) {
        self.has_more_app = has_more_app
        self.total_number = total_number
        self.apps = apps
    }
}

package struct ConsumingStateAnswer: Encodable, Sendable {
    package let partition_id: String
    package let sequence_number: String
    package let latest_offset: Int64
    package let earliest_offset: Int64
    package let checkpoint_type: String
    package let status: String
    package let metadata: String

    package init(
        partition_id: String, sequence_number: String, latest_offset: Int64, earliest_offset: Int64,
        checkpoint_type: String, status: String, metadata: String
    ) {
        self.partition_id = partition_id
        self.sequence_number = sequence_number
        self.latest_offset = latest_offset
        self.earliest_offset = earliest_offset
        self.checkpoint_type = checkpoint_type
        self.status = status
        self.metadata = metadata
    }
}

package struct ConsumerStateAnswer: Encodable, Sendable {
    package let has_more: Bool
    package let stream_name: String
    package let app_name: String
    package let partition_consuming_states: [ConsumingStateAnswer]

    package init(
        has_more: Bool, stream_name: String, app_name: String, partition_consuming_states: [ConsumingStateAnswer]
    ) {
        self.has_more = has_more
        self.stream_name = stream_name
        self.app_name = app_name
        self.partition_consuming_states = partition_consuming_states
    }
}

package struct CommitCheckpointBody: Decodable, Sendable {
    package let app_name: LenientString?
    package let checkpoint_type: String?
    package let stream_name: LenientString?
    package let stream_id: LenientString?
    package let partition_id: LenientString?
    package let sequence_number: LenientString?
    package let metadata: LenientString?
    package let client_id: LenientString?
    package let generation_id: LenientInt?
}

/// Both spellings: `metadata` for most clients, `metaData` for the legacy Python one.
package struct CheckpointAnswer: Encodable, Sendable {
    package let sequence_number: String
    package let metadata: String
    package let metaData: String

    package init(sequence_number: String, metadata: String) {
        self.sequence_number = sequence_number
        self.metadata = metadata
        metaData = metadata
    }
}

package struct JoinGroupBody: Decodable, Sendable {
    package let groupId: LenientString?
    package let clientId: LenientString?
    package let interestedStream: [LenientString]?
    package let interestedStreamIdList: [LenientString]?
    package let streamPattern: String?
}

package struct JoinGroupAnswer: Encodable, Sendable {
    package let state: String
    package let subscription: [String]
    package let syncDelayedTimeMs: Int64

    package init(state: String, subscription: [String] = [], syncDelayedTimeMs: Int64 = 0) {
        self.state = state
        self.subscription = subscription
        self.syncDelayedTimeMs = syncDelayedTimeMs
    }
}

/// The body of sync and heartbeat.
package struct GroupMemberBody: Decodable, Sendable {
    package let groupId: LenientString?
    package let clientId: LenientString?
    package let generation: LenientInt?
}

package struct SyncGroupAnswer: Encodable, Sendable {
    package let state: String
    package let generation: Int
    package let assignment: [String: [Int]]

    package init(state: String, generation: Int = -1, assignment: [String: [Int]] = [:]) {
        self.state = state
        self.generation = generation
        self.assignment = assignment
    }
}

package struct HeartbeatAnswerBody: Encodable, Sendable {
    package let state: String
    package init(state: String) { self.state = state }
}

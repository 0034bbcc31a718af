internal import SluiceCore
internal import Synchronization

/// All consumer groups of the process. Groups live in memory: after a restart every member is told to join again.
final class GroupCoordinator: Sendable {
    private struct Key: Hashable {
        let project: ProjectID
        let group: String
    }

    private let groups = Mutex<[Key: ConsumerGroup]>([:])
    private let windows: GroupWindows
    private let maximumMembers: Int

    init(windows: GroupWindows, maximumMembers: Int) {
        self.windows = windows
        self.maximumMembers = maximumMembers
    }

    private func with<Result: Sendable>(
        _ project: ProjectID, _ group: String, _ body: (inout ConsumerGroup) -> Result
    ) -> Result {
        groups.withLock { groups in
            let key = Key(project: project, group: group)
            var state = groups[key] ?? ConsumerGroup(windows: windows)
            let result = body(&state)
            groups[key] = state
            return result
        }
    }

    func join(
        project: ProjectID, group: String, client: String, subscription: [String], now: Duration
    ) throws(StreamsError) -> Duration {
        let delay: Duration? = with(project, group) { state in
            guard state.members[client] != nil || state.members.count < maximumMembers else { return nil }
            return state.join(client, subscription: subscription, now: now)
        }
        guard let delay else { throw StreamsError(.consumerQuotaExceeded) }
        return delay
    }

    func sync(
        project: ProjectID, group: String, client: String, topology: (Set<String>) -> ConsumerGroup.Topology,
        now: Duration
    ) -> ConsumerGroup.SyncAnswer {
        with(project, group) { $0.sync(client, topology: topology, now: now) }
    }

    func heartbeat(
        project: ProjectID, group: String, client: String, generation: Int,
        topology: (Set<String>) -> ConsumerGroup.Topology, now: Duration
    ) -> ConsumerGroup.HeartbeatAnswer {
        with(project, group) { $0.heartbeat(client, generation: generation, topology: topology, now: now) }
    }

    func leave(project: ProjectID, group: String, client: String, now: Duration) {
        with(project, group) { $0.leave(client, now: now) }
    }

    func checkCommit(
        project: ProjectID, group: String, member: CommittingMember, stream: String, partition: PartitionNumber,
        now: Duration
    ) throws(StreamsError) {
        let check = with(project, group) {
            $0.checkCommit(
                member.clientID, generation: member.generation, stream: stream, partition: partition, now: now)
        }
        switch check {
        case .allowed: return
        case .rebalancing: throw StreamsError(.rebalanceInProgress)
        case .unknownMember: throw StreamsError(.memberNotFound)
        case .otherGeneration: throw StreamsError(.illegalGeneration)
        }
    }

    func hasMembers(project: ProjectID, group: String, now: Duration) -> Bool {
        with(project, group) { $0.hasMembers(now: now) }
    }

    func forget(project: ProjectID, group: String) {
        groups.withLock { _ = $0.removeValue(forKey: Key(project: project, group: group)) }
    }
}

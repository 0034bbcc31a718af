internal import SluiceCore

/// One consumer group's coordination as a pure state machine (spec section 2.8):
///
///     EMPTY --join--> JOINING --window over, or all known members joined--> SYNCING --all synced--> STABLE
///     SYNCING, STABLE --join, leave, member silent too long, partitions changed--> JOINING
///
/// The first join of an empty group waits `joinWindow` for companions. A rebalance waits `rebalanceWindow`, which must be
/// longer than the clients' heartbeat interval (10 s), because only a heartbeat tells a member to join again; it ends
/// early when every known member has joined.
struct ConsumerGroup: Sendable {
    enum State: Sendable, Equatable {
        case empty
        case joining(until: Duration)
        case syncing
        case stable
    }

    struct Member: Sendable {
        /// Resolved names of the streams it reads.
        var subscription: [String]
        var lastSeen: Duration
        var hasJoined = true
        var hasSynced = false
    }

    /// Readable partitions of each subscribed stream, as the assignment shares them out.
    typealias Topology = [String: [PartitionNumber]]
    typealias Assignment = [String: [PartitionNumber]]

    enum SyncAnswer: Sendable, Equatable {
        case assigned(generation: Int, Assignment)
        case waiting
        case rejoin
    }

    enum HeartbeatAnswer: Sendable, Equatable {
        case stable, joining, syncing
    }

    enum CommitCheck: Sendable, Equatable {
        case allowed, rebalancing, unknownMember, otherGeneration
    }

    private(set) var state = State.empty
    private(set) var generation = 0
    private(set) var members: [String: Member] = [:]
    private var assignments: [String: Assignment] = [:]
    /// What the current assignment was computed from.
    private var topology: Topology = [:]
    private let windows: GroupWindows

    init(windows: GroupWindows) {
        self.windows = windows
    }

    /// Takes a member in; answers how long it shall wait before it syncs.
    mutating func join(_ client: String, subscription: [String], now: Duration) -> Duration {
        expire(now: now)
        let isNewRound: Bool
        switch state {
        case .empty:
            state = .joining(until: now + windows.join)
            isNewRound = true
        case .joining: isNewRound = false
        case .syncing, .stable:
            state = .joining(until: now + windows.rebalance)
            isNewRound = true
        }
        if isNewRound {
            for name in members.keys {
                members[name]?.hasJoined = false
                members[name]?.hasSynced = false
            }
        }
        members[client] = Member(subscription: subscription, lastSeen: now)
        guard case .joining(let deadline) = state else { return .zero }
        return max(deadline - now, .zero)
    }

    /// Hands out the assignment once the round is complete; `topology` names the readable partitions now.
    mutating func sync(_ client: String, topology: (Set<String>) -> Topology, now: Duration) -> SyncAnswer {
        expire(now: now)
        guard members[client]?.hasJoined == true else { return .rejoin }
        members[client]?.lastSeen = now
        if case .joining(let deadline) = state {
            // A member alone in a fresh group still gives others the window to appear.
            let mayEndEarly = generation > 0 && members.values.allSatisfy(\.hasJoined)
            guard now >= deadline || mayEndEarly else { return .waiting }
            members = members.filter(\.value.hasJoined)
            generation += 1
            self.topology = topology(Set(members.values.flatMap(\.subscription)))
            assignments = Self.assign(self.topology, to: members)
            state = .syncing
        }
        members[client]?.hasSynced = true
        if members.values.allSatisfy(\.hasSynced) { state = .stable }
        return .assigned(generation: generation, assignments[client] ?? [:])
    }

    mutating func heartbeat(
        _ client: String, generation: Int, topology: (Set<String>) -> Topology, now: Duration
    ) -> HeartbeatAnswer {
        expire(now: now)
        guard members[client] != nil else { return .joining }
        members[client]?.lastSeen = now
        guard generation == self.generation else { return .joining }
        switch state {
        case .empty, .joining: return .joining
        case .syncing where members[client]?.hasSynced != true: return .syncing
        case .syncing, .stable:
            guard topology(Set(members.values.flatMap(\.subscription))) == self.topology else {
                beginRebalance(now: now)
                return .joining
            }
            return .stable
        }
    }

    mutating func leave(_ client: String, now: Duration) {
        expire(now: now)
        guard members.removeValue(forKey: client) != nil else { return }
        membersLeft(now: now)
    }

    mutating func checkCommit(
        _ client: String, generation: Int, stream: String, partition: PartitionNumber, now: Duration
    ) -> CommitCheck {
        expire(now: now)
        guard members[client] != nil else { return .unknownMember }
        if case .joining = state { return .rebalancing }
        guard generation == self.generation else { return .otherGeneration }
        return assignments[client]?[stream]?.contains(partition) == true ? .allowed : .unknownMember
    }

    mutating func hasMembers(now: Duration) -> Bool {
        expire(now: now)
        return !members.isEmpty
    }

    /// Drops members that have been silent for longer than the session timeout.
    private mutating func expire(now: Duration) {
        let before = members.count
        members = members.filter { now - $0.value.lastSeen <= windows.session }
        if members.count < before { membersLeft(now: now) }
    }

    private mutating func membersLeft(now: Duration) {
        if members.isEmpty {
            state = .empty
            assignments = [:]
        } else if state == .stable || state == .syncing {
            beginRebalance(now: now)
        }
    }

    private mutating func beginRebalance(now: Duration) {
        state = .joining(until: now + windows.rebalance)
        for name in members.keys {
            members[name]?.hasJoined = false
            members[name]?.hasSynced = false
        }
    }

    /// Shares each stream's partitions out in ranges over its subscribers in order of their client ids; the first ones
    /// get one more where it does not come out even.
    static func assign(_ topology: Topology, to members: [String: Member]) -> [String: Assignment] {
        var assignments: [String: Assignment] = [:]
        for (stream, partitions) in topology {
            let subscribers = members.filter { $0.value.subscription.contains(stream) }.keys.sorted()
            guard !subscribers.isEmpty else { continue }
            let each = partitions.count / subscribers.count
            let extra = partitions.count % subscribers.count
            var rest = partitions.sorted()[...]
            for (index, client) in subscribers.enumerated() {
                let share = rest.prefix(each + (index < extra ? 1 : 0))
                rest = rest.dropFirst(share.count)
                assignments[client, default: [:]][stream] = Array(share)
            }
        }
        return assignments
    }
}

/// How long a group waits for whom.
package struct GroupWindows: Sendable {
    /// For companions of the first member of an empty group (1 s).
    package var join = Duration.seconds(1)
    /// For known members to join again; longer than the clients' heartbeat interval of 10 s (12 s).
    package var rebalance = Duration.seconds(12)
    /// Silence after which a member is dropped (30 s).
    package var session = Duration.seconds(30)

    package init() {}
}

package import SluiceCore

/// What a joining member wants to read.
package enum Subscription: Sendable {
    case names([String])
    case ids([String])
    /// A regular expression over stream names.
    case pattern(String)
}

/// Answers of the coordinator; their names are those of the wire (spec section 2.8).
package enum JoinAnswer: Sendable, Equatable {
    case joined(subscription: [String], syncDelay: Duration)
    case badSubscription
    case noSuchGroup
}

package enum SyncAnswer: Sendable, Equatable {
    case assigned(generation: Int, [String: [PartitionNumber]])
    case waiting
    case rejoin
    case noSuchGroup
}

package enum HeartbeatAnswer: Sendable, Equatable {
    case stable, joining, syncing, noSuchGroup
}

extension Streams {

    private func groupExists(_ group: String, in project: ProjectID) async throws(StreamsError) -> Bool {
        guard App.isValid(name: group) else { return false }
        return try await entry(Self.appKey(project, group)) != nil
    }

    /// Takes a member into its group. Throws `consumerQuotaExceeded` when the group is full.
    package func joinGroup(
        _ group: String, client: String, subscription: Subscription, in project: ProjectID
    ) async throws(StreamsError) -> JoinAnswer {
        guard try await groupExists(group, in: project) else { return .noSuchGroup }
        guard let names = try resolve(subscription, in: project) else { return .badSubscription }
        let delay = try groups.join(
            project: project, group: group, client: client, subscription: names, now: time.elapsed())
        return .joined(subscription: names, syncDelay: delay)
    }

    /// Hands a member its partitions once everybody has joined.
    package func syncGroup(_ group: String, client: String, in project: ProjectID) async throws(StreamsError)
        -> SyncAnswer
    {
        guard try await groupExists(group, in: project) else { return .noSuchGroup }
        let answer = groups.sync(
            project: project, group: group, client: client, topology: { self.topology($0, in: project) },
            now: time.elapsed())
        return switch answer {
        case .assigned(let generation, let assignment): .assigned(generation: generation, assignment)
        case .waiting: .waiting
        case .rejoin: .rejoin
        }
    }

    /// Keeps a member alive and tells it what to do next.
    package func heartbeat(
        _ group: String, client: String, generation: Int, in project: ProjectID
    ) async throws(StreamsError) -> HeartbeatAnswer {
        guard try await groupExists(group, in: project) else { return .noSuchGroup }
        let answer = groups.heartbeat(
            project: project, group: group, client: client, generation: generation,
            topology: { self.topology($0, in: project) }, now: time.elapsed())
        return switch answer {
        case .stable: .stable
        case .joining: .joining
        case .syncing: .syncing
        }
    }

    /// Takes a member out; an unknown one is no error.
    package func leaveGroup(_ group: String, client: String, in project: ProjectID) async throws(StreamsError) {
        guard try await groupExists(group, in: project) else { return }
        groups.leave(project: project, group: group, client: client, now: time.elapsed())
    }

    /// Names of the streams a subscription means; nil when one does not exist or the pattern is none.
    private func resolve(_ subscription: Subscription, in project: ProjectID) throws(StreamsError) -> [String]? {
        switch subscription {
        case .names(let names):
            var found: [String] = []
            for name in names {
                guard let valid = StreamName(name), try directory.stream(named: valid, in: project) != nil else {
                    return nil
                }
                found.append(name)
            }
            return found.isEmpty ? nil : Array(Set(found)).sorted()
        case .ids(let ids):
            var found: [String] = []
            for id in ids {
                guard let stream = try directory.stream(id: StreamID(id)), stream.record.project == project else {
                    return nil
                }
                found.append(stream.record.name.text)
            }
            return found.isEmpty ? nil : Array(Set(found)).sorted()
        case .pattern(let pattern):
            guard let pattern = StreamPattern(pattern) else { return nil }
            return directory.names(in: project, after: nil, limit: .max).names.map(\.text).filter(pattern.matches)
        }
    }

    /// Readable partitions of each of these streams; one that is gone is left out.
    private func topology(_ names: Set<String>, in project: ProjectID) -> ConsumerGroup.Topology {
        var topology: ConsumerGroup.Topology = [:]
        for name in names {
            guard let valid = StreamName(name), let stream = try? directory.stream(named: valid, in: project) else {
                continue
            }
            topology[name] = stream.record.partitions.filter { $0.status != .expired }.map(\.number)
        }
        return topology
    }
}

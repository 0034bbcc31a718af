import SluiceCore
import Testing

@testable import SluiceStreams

/// Conversations with the state machine: each line is an event and the answer it must give.
@Suite struct ConsumerGroupTests {
    private static func partitions(_ count: Int) -> [PartitionNumber] { (0..<count).map(PartitionNumber.init) }

    private static func topology(_ count: Int) -> (Set<String>) -> ConsumerGroup.Topology {
        { names in Dictionary(uniqueKeysWithValues: names.map { ($0, partitions(count)) }) }
    }

    private func assignment(_ answer: ConsumerGroup.SyncAnswer) -> [Int]? {
        if case .assigned(_, let assignment) = answer { assignment["s", default: []].map(\.value) } else { nil }
    }

    /// Two members that joined within the window and are stable.
    private func stableGroup() -> ConsumerGroup {
        var group = ConsumerGroup(windows: GroupWindows())
        _ = group.join("a", subscription: ["s"], now: .zero)
        _ = group.join("b", subscription: ["s"], now: .milliseconds(300))
        _ = group.sync("a", topology: Self.topology(3), now: .seconds(1))
        _ = group.sync("b", topology: Self.topology(3), now: .seconds(1))
        return group
    }

    @Test func twoMembersShareThePartitions() {
        var group = ConsumerGroup(windows: GroupWindows())
        #expect(group.heartbeat("a", generation: -1, topology: Self.topology(3), now: .zero) == .joining)
        #expect(group.join("a", subscription: ["s"], now: .zero) == .seconds(1))
        #expect(group.join("b", subscription: ["s"], now: .milliseconds(300)) == .milliseconds(700))
        #expect(group.sync("a", topology: Self.topology(3), now: .milliseconds(500)) == .waiting)
        #expect(assignment(group.sync("a", topology: Self.topology(3), now: .seconds(1))) == [0, 1])
        #expect(group.heartbeat("b", generation: 1, topology: Self.topology(3), now: .seconds(1)) == .syncing)
        #expect(group.heartbeat("a", generation: 1, topology: Self.topology(3), now: .seconds(1)) == .stable)
        #expect(assignment(group.sync("b", topology: Self.topology(3), now: .seconds(1))) == [2])
        #expect(group.state == .stable && group.generation == 1)
        #expect(group.heartbeat("b", generation: 1, topology: Self.topology(3), now: .seconds(9)) == .stable)
        #expect(group.heartbeat("b", generation: 0, topology: Self.topology(3), now: .seconds(9)) == .joining)
        #expect(group.heartbeat("z", generation: 1, topology: Self.topology(3), now: .seconds(9)) == .joining)
    }

    @Test func aThirdMemberWaitsForTheOthers() {
        var group = stableGroup()
        #expect(group.join("c", subscription: ["s"], now: .seconds(10)) == .seconds(12))
        #expect(group.heartbeat("a", generation: 1, topology: Self.topology(3), now: .seconds(11)) == .joining)
        #expect(group.join("a", subscription: ["s"], now: .seconds(11)) == .seconds(11))
        #expect(group.sync("c", topology: Self.topology(3), now: .seconds(12)) == .waiting)
        #expect(group.join("b", subscription: ["s"], now: .seconds(13)) == .seconds(9))
        // All known members are back, so that nobody waits for the rest of the window.
        #expect(assignment(group.sync("c", topology: Self.topology(3), now: .seconds(13))) == [2])
        #expect(assignment(group.sync("b", topology: Self.topology(3), now: .seconds(13))) == [1])
        #expect(assignment(group.sync("a", topology: Self.topology(3), now: .seconds(13))) == [0])
        #expect(group.generation == 2 && group.state == .stable)
    }

    @Test func whoDoesNotComeBackIsLeftOut() {
        var group = stableGroup()
        _ = group.join("c", subscription: ["s"], now: .seconds(10))
        _ = group.join("a", subscription: ["s"], now: .seconds(11))
        #expect(assignment(group.sync("a", topology: Self.topology(4), now: .seconds(22))) == [0, 1])
        #expect(assignment(group.sync("c", topology: Self.topology(4), now: .seconds(22))) == [2, 3])
        #expect(group.sync("b", topology: Self.topology(4), now: .seconds(22)) == .rejoin)
    }

    @Test func silenceAndLeavingRebalance() {
        var group = stableGroup()
        #expect(group.heartbeat("a", generation: 1, topology: Self.topology(3), now: .seconds(20)) == .stable)
        #expect(group.heartbeat("a", generation: 1, topology: Self.topology(3), now: .seconds(40)) == .joining)
        #expect(group.members.keys.sorted() == ["a"])
        var left = stableGroup()
        left.leave("b", now: .seconds(2))
        #expect(left.heartbeat("a", generation: 1, topology: Self.topology(3), now: .seconds(3)) == .joining)
        left.leave("a", now: .seconds(4))
        #expect(left.state == .empty)
        let isEmpty = !left.hasMembers(now: .seconds(4))
        #expect(isEmpty)
    }

    @Test func otherPartitionsRebalance() {
        var group = stableGroup()
        #expect(group.heartbeat("a", generation: 1, topology: Self.topology(4), now: .seconds(2)) == .joining)
    }

    @Test func commitsAreChecked() {
        var group = stableGroup()
        func check(_ client: String, _ generation: Int, _ partition: Int, at now: Int = 2) -> ConsumerGroup.CommitCheck
        {
            group.checkCommit(
                client, generation: generation, stream: "s", partition: PartitionNumber(partition), now: .seconds(now))
        }
        #expect(check("a", 1, 0) == .allowed)
        #expect(check("a", 1, 2) == .unknownMember)
        #expect(check("a", 2, 0) == .otherGeneration)
        #expect(check("z", 1, 0) == .unknownMember)
        _ = group.join("c", subscription: ["s"], now: .seconds(3))
        #expect(check("a", 1, 0, at: 3) == .rebalancing)
    }

    @Test(arguments: [(3, 1), (3, 2), (3, 3), (3, 5), (10, 4)])
    func everyPartitionIsAssignedOnce(partitions: Int, members: Int) {
        let all = (0..<members).map {
            ("m\($0)", ConsumerGroup.Member(subscription: ["s"], lastSeen: .zero))
        }
        let shares = ConsumerGroup.assign(
            ["s": Self.partitions(partitions)], to: Dictionary(uniqueKeysWithValues: all))
        let given = shares.values.flatMap { $0["s"] ?? [] }
        #expect(given.sorted() == Self.partitions(partitions))
        let sizes = shares.values.map { $0["s"]?.count ?? 0 }
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    }
}

import SluiceCore
import Testing

@testable import SluiceStreams

@Suite struct PartitionLayoutTests {
    // The published samples of spec section 3.2.
    @Test(arguments: [
        (1, ["0-9223372036854775807"]),
        (2, ["0-4611686018427387902", "4611686018427387903-9223372036854775807"]),
        (
            3,
            [
                "0-3074457345618258601", "3074457345618258602-6148914691236517203",
                "6148914691236517204-9223372036854775807",
            ]
        ),
        (
            4,
            [
                "0-2305843009213693950", "2305843009213693951-4611686018427387901",
                "4611686018427387902-6917529027641081852", "6917529027641081853-9223372036854775807",
            ]
        ),
    ])
    func ranges(count: Int, expected: [String]) {
        #expect(PartitionLayout.hashRanges(count: count).map { "\($0.lowerBound)-\($0.upperBound)" } == expected)
    }

    @Test(arguments: 1...70)
    func rangesCoverTheSpace(count: Int) {
        let ranges = PartitionLayout.hashRanges(count: count)
        #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == PartitionLayout.hashLimit)
        for (left, right) in zip(ranges, ranges.dropFirst()) { #expect(left.upperBound + 1 == right.lowerBound) }
        let router = PartitionRouter(PartitionLayout.initial(count: count))
        for (slot, range) in ranges.enumerated() {
            #expect(router.slot(of: range.lowerBound) == slot && router.slot(of: range.upperBound) == slot)
        }
    }

    private func text(_ partitions: [Partition]) -> [String] {
        partitions.map { "\($0.number.value) \($0.status.rawValue) \($0.parents.map(\.value))" }
    }

    @Test func scalingClosesReopensAndAdds() {
        let time = Timestamp(milliseconds: 7)
        let three = PartitionLayout.initial(count: 3)
        let one = PartitionLayout.scaled(three, to: 1, at: time)
        #expect(text(one) == ["0 ACTIVE []", "1 DELETED []", "2 DELETED []"])
        #expect(one[0].hashRange == 0...PartitionLayout.hashLimit)
        #expect(one[1].hashRange == three[1].hashRange && one[1].closedAt == time)
        let four = PartitionLayout.scaled(one, to: 4, at: time)
        #expect(text(four) == ["0 ACTIVE []", "1 ACTIVE []", "2 ACTIVE []", "3 ACTIVE [0]"])
        #expect(four.map(\.hashRange) == PartitionLayout.hashRanges(count: 4))
        #expect(four.allSatisfy { $0.closedAt == nil })
        let six = PartitionLayout.scaled(four, to: 6, at: time)
        // A new one's range overlaps what the last two held before.
        #expect(text(six)[4...] == ["4 ACTIVE [2,3]".replacing(",", with: ", "), "5 ACTIVE [3]"])
    }
}

@Suite struct ScalingRuleTests {
    private func stream(partitions: Int, minimum: Int = 1, maximum: Int = 10) -> SluiceStreams.Stream {
        SluiceStreams.Stream(
            id: StreamID("x"), name: StreamName("s")!, project: ProjectID("p")!,
            autoScaling: AutoScaling(isEnabled: true, minimum: minimum, maximum: maximum),
            createdAt: Timestamp(milliseconds: 0), partitions: PartitionLayout.initial(count: partitions))
    }

    private static let late = Timestamp(milliseconds: 1_000_000)

    private func minute(put: Double = 0, get: Double = 0, throttled: Int = 0, of partitions: Int)
        -> StreamTraffic.StreamMinute
    {
        var minute = StreamTraffic.StreamMinute(minute: 0)
        minute.putBytes = Int(put * Double(partitions * (1 << 20) * 60))
        minute.getBytes = Int(get * Double(partitions * (2 << 20) * 60))
        minute.putThrottled = throttled
        return minute
    }

    // Partitions, writes and reads as parts of the capacity, throttled records, the target.
    @Test(
        arguments: [
            (3, 0.9, 0.5, 5, 5), (3, 0.9, 0.5, 0, nil), (3, 1.1, 0.5, 0, 5), (3, 0.7, 0.5, 9, nil),
            (9, 1.0, 0.5, 1, 10),
            (10, 1.0, 0.5, 1, nil), (4, 0.1, 0.1, 0, 2), (4, 0.1, 0.4, 0, nil), (4, 0.4, 0.1, 0, nil),
            (1, 0, 0, 0, nil),
            (5, 0.0, 0.0, 0, 2),
        ] as [(Int, Double, Double, Int, Int?)])
    func decides(partitions: Int, put: Double, get: Double, throttled: Int, target: Int?) {
        let decided = AutoScalingRule.target(
            for: stream(partitions: partitions),
            minute: minute(put: put, get: get, throttled: throttled, of: partitions), now: Self.late)
        #expect(decided == target)
    }

    @Test func restsAfterAChange() {
        var record = stream(partitions: 4)
        record.scalings = [Scaling(at: Self.late - .seconds(60), from: 2, to: 4, succeeded: true, isAutomatic: true)]
        #expect(AutoScalingRule.target(for: record, minute: nil, now: Self.late) == nil)
        #expect(AutoScalingRule.target(for: record, minute: nil, now: Self.late + .seconds(61)) == 2)
    }

    @Test func hourlyLimits() {
        var record = stream(partitions: 4)
        record.scalings = [
            Scaling(at: Self.late - .seconds(600), from: 2, to: 4, succeeded: true, isAutomatic: false),
            Scaling(at: Self.late - .seconds(7200), from: 2, to: 4, succeeded: true, isAutomatic: false),
        ].reversed()
        var limits = ScalingLimits()
        #expect(limits.refusal(of: record, to: 5, isAutomatic: false, now: Self.late) == nil)
        limits.hourly = 1
        #expect(limits.refusal(of: record, to: 5, isAutomatic: false, now: Self.late) != nil)
        limits = ScalingLimits()
        limits.hourlyManualUp = 1
        #expect(limits.refusal(of: record, to: 5, isAutomatic: false, now: Self.late) != nil)
        #expect(limits.refusal(of: record, to: 5, isAutomatic: true, now: Self.late) == nil)
        #expect(limits.refusal(of: record, to: 3, isAutomatic: false, now: Self.late) == nil)
        limits = ScalingLimits()
        limits.pause = .seconds(3600)
        #expect(limits.refusal(of: record, to: 3, isAutomatic: false, now: Self.late) != nil)
    }
}

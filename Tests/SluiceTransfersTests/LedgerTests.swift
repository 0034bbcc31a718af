import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Testing

/// The ledger asked in both directions. Three deliveries, a minute apart, of two partitions: partition 0 by record time
/// into two directories a delivery, so that objects interleave.
@Suite(.timeLimit(.minutes(1))) struct LedgerTests {
    private static let days = ["2026-01-02", "2026-01-03"]

    /// One entry, short: partition, number of its first and last record, and its time in the order of deliveries.
    private struct Entry: Hashable, Comparable, CustomStringConvertible {
        let partition: Int
        let first: Int64
        let last: Int64

        static func < (left: Self, right: Self) -> Bool {
            (left.partition, left.last) < (right.partition, right.last)
        }
        var description: String { "\(partition):\(first)-\(last)" }
    }

    private func short(_ delivery: Delivery) -> Entry {
        Entry(partition: delivery.partition.value, first: delivery.first.value, last: delivery.last.value)
    }

    private func house() async throws -> TestHouse {
        let house = try await TestHouse(partitions: 2, dataType: .json, bucket: ByteBucket())
        try await house.running {
            let descriptor = house.descriptor {
                $0.partitionFormat = "yyyy/MM/dd"
                $0.processingSchema = .init(
                    timestampName: "t", timestampType: "String", timestampFormat: "yyyy-MM-dd HH:mm:ss")
            }
            try await house.tasks.create(descriptor, on: "meters", in: house.project)
            for round in 0..<3 {
                // Days 0, 1, 0, 1: objects 4r...4r+2 and 4r+1...4r+3 of partition 0, 2r...2r+1 of partition 1.
                try await house.put((0..<4).map { #"{"t":"\#(Self.days[$0 % 2]) 00:00:00"}"# })
                try await house.put(Array(repeating: #"{"t":"2026-01-02 00:00:00"}"#, count: 2), partition: 1)
                let wanted = Int64(round + 1)
                try await house.advance {
                    let partitions = try await house.show().partitions
                    return partitions[0].next.value == 4 * wanted && partitions[1].next.value == 2 * wanted
                }
                house.time.advance(by: .seconds(60))
            }
        }
        return house
    }

    private func find(
        _ house: TestHouse, limit: Int = 100, _ change: (inout DeliveryFilter) -> Void = { _ in }
    ) async throws -> [Delivery] {
        var filter = DeliveryFilter()
        change(&filter)
        var found: [Delivery] = []
        var next: String?
        repeat {
            let page = try await house.tasks.deliveries(
                of: "to-lake", on: "meters", in: house.project, filter: filter, after: next, limit: limit)
            #expect(page.deliveries.count <= limit)
            #expect(page.next == nil || page.deliveries.count == limit)
            found += page.deliveries
            next = page.next
        } while next != nil
        return found
    }

    @Test func everyFilterInBothDirections() async throws {
        let house = try await house()
        let all = try await find(house)
        #expect(all.count == 9 && Set(all).count == 9)
        #expect(all.map(short) == all.map(short).sorted())
        for limit in 1...10 {
            #expect(try await find(house, limit: limit) == all)
            #expect(try await find(house, limit: limit) { $0.partition = PartitionNumber(0) }.count == 6)
            #expect(try await find(house, limit: limit) { $0.from = Timestamp(milliseconds: 0) }.count == 9)
            let ofOne = try await find(house, limit: limit) {
                $0.from = Timestamp(milliseconds: 0)
                $0.partition = PartitionNumber(1)
            }
            #expect(ofOne.map(\.partition.value) == [1, 1, 1])
        }
        // Where is record N, and what is in the object found.
        for (partition, count) in [(0, 12), (1, 6)] {
            for number in 0..<Int64(count) {
                let holders = try await find(house) {
                    $0.partition = PartitionNumber(partition)
                    $0.sequenceNumber = SequenceNumber(number)
                }
                #expect(holders.count == 1, "record \(number) of partition \(partition) is in \(holders.map(\.object))")
                let holder = try #require(holders.first)
                #expect(
                    holder.partition.value == partition && (holder.first.value...holder.last.value).contains(number))
                #expect(partition == 1 || (number - holder.first.value) % 2 == 0)
                #expect(try await find(house) { $0.object = holder.object } == [holder])
            }
            let beyond = try await find(house) {
                $0.partition = PartitionNumber(partition)
                $0.sequenceNumber = SequenceNumber(Int64(count))
            }
            #expect(beyond.isEmpty)
        }
    }

    @Test func timesAndCombinations() async throws {
        let house = try await house()
        let all = try await find(house)
        let times = Set(all.map(\.deliveredAt)).sorted()
        for time in times {
            let before = try await find(house, limit: 2) { $0.until = time }
            let after = try await find(house, limit: 2) { $0.from = time }
            #expect(Set(before) == Set(all.filter { $0.deliveredAt < time }))
            #expect(Set(after) == Set(all.filter { $0.deliveredAt >= time }))
            #expect(after.map(\.deliveredAt) == after.map(\.deliveredAt).sorted())
        }
        let one = try #require(all.first { $0.partition.value == 0 && $0.first.value == 4 })
        // Each row: conditions that the entry fulfils or not.
        let rows: [(isFound: Bool, change: @Sendable (inout DeliveryFilter) -> Void)] = [
            (true, { $0.partition = one.partition }), (false, { $0.partition = PartitionNumber(1) }),
            (true, { $0.from = one.deliveredAt }), (false, { $0.until = one.deliveredAt }),
            (false, { $0.from = one.deliveredAt + .milliseconds(1) }),
            (true, { $0.until = one.deliveredAt + .milliseconds(1) }),
        ]
        for row in rows {
            #expect(
                try await find(house) {
                    $0.object = one.object
                    row.change(&$0)
                } == (row.isFound ? [one] : []))
            let byNumber = try await find(house) {
                $0.partition = one.partition
                $0.sequenceNumber = SequenceNumber(6)
                row.change(&$0)
            }
            #expect(byNumber.contains(one) == row.isFound)
        }
        for (number, isFound) in [(Int64(4), true), (5, false), (6, true), (8, false)] {
            #expect(
                try await find(house) {
                    $0.object = one.object
                    $0.partition = one.partition
                    $0.sequenceNumber = SequenceNumber(number)
                }.isEmpty != isFound)
        }
        #expect(try await find(house) { $0.object = "no such object" }.isEmpty)
        let empty = try await find(house) {
            $0.from = times[1]
            $0.until = times[0]
        }
        #expect(empty.isEmpty)
    }

    @Test(arguments: ["x", "0/../1", "-1", "0/0 ", String(repeating: "0", count: 65)])
    func tokensOfNoPageAreRefused(token: String) async throws {
        let house = try await TestHouse()
        try await house.tasks.create(house.descriptor(), on: "meters", in: house.project)
        let error = await #expect(throws: TransferError.self) {
            _ = try await house.tasks.deliveries(of: "to-lake", on: "meters", in: house.project, after: token)
        }
        #expect(error?.code == .invalidRequest)
    }
}

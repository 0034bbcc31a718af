package import SluiceCore

/// How partitions share the hash space and how scaling changes them. Pure.
///
/// The space is 0 to 2^63-1. For n active partitions each takes w = floor((2^63-1)/n) hashes, the last one also the
/// rest (spec section 3.2; confirmed by published samples for 1 to 4).
package enum PartitionLayout {
    package static let hashLimit = UInt64(Int64.max)

    /// The ranges of `count` active partitions, in order.
    package static func hashRanges(count: Int) -> [ClosedRange<UInt64>] {
        let width = hashLimit / UInt64(count)
        return (0..<count).map { index in
            let low = UInt64(index) * width
            return low...(index == count - 1 ? hashLimit : low + width - 1)
        }
    }

    /// The partitions of a fresh stream: all active, no parents.
    package static func initial(count: Int) -> [Partition] {
        hashRanges(count: count).enumerated().map { index, range in
            Partition(number: PartitionNumber(index), status: .active, hashRange: range, parents: [], closedAt: nil)
        }
    }

    /// The partitions after the number of active ones became `target` (1 or more): closed ones are opened again first,
    /// then new ones are made with the next numbers; going down, the highest active ones close. Ranges of all active
    /// ones are shared out evenly again; a new one names as parents whoever held any part of its range before
    /// (spec section 3.6).
    package static func scaled(_ partitions: [Partition], to target: Int, at time: Timestamp) -> [Partition] {
        let before = partitions.filter { $0.status == .active }
        var after = partitions
        var active = before.count
        for index in after.indices where active < target && after[index].status != .active {
            after[index].status = .active
            after[index].closedAt = nil
            active += 1
        }
        let firstNew = after.count
        while active < target {
            after.append(
                Partition(
                    number: PartitionNumber(after.count), status: .active, hashRange: 0...0, parents: [], closedAt: nil)
            )
            active += 1
        }
        for index in after.indices.reversed() where active > target && after[index].status == .active {
            after[index].status = .deleted
            after[index].closedAt = time
            active -= 1
        }
        var ranges = hashRanges(count: target)[...]
        for index in after.indices where after[index].status == .active {
            guard let range = ranges.popFirst() else { break }
            after[index].hashRange = range
            if index >= firstNew {
                after[index].parents = before.filter { $0.hashRange.overlaps(range) }.map(\.number)
            }
        }
        return after
    }
}

/// Finds the active partition of a hash; made once per state of a stream.
package struct PartitionRouter: Sendable {
    /// Active partitions in order of their ranges.
    package let active: [PartitionNumber]
    private let upperBounds: [UInt64]
    private let slots: [PartitionNumber: Int]

    package init(_ partitions: [Partition]) {
        let sorted = partitions.filter { $0.status == .active }.sorted {
            $0.hashRange.lowerBound < $1.hashRange.lowerBound
        }
        active = sorted.map(\.number)
        upperBounds = sorted.map(\.hashRange.upperBound)
        slots = Dictionary(uniqueKeysWithValues: active.enumerated().map { ($1, $0) })
    }

    /// The index in `active` of the partition that takes `hash` (0 to 2^63-1).
    package func slot(of hash: UInt64) -> Int {
        var low = 0
        var high = upperBounds.count - 1
        while low < high {
            let middle = (low + high) / 2
            if upperBounds[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index in `active` of that partition; nil when it is not active.
    package func slot(of partition: PartitionNumber) -> Int? {
        slots[partition]
    }
}

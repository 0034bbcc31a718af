/// Which numbers of a partition are in objects, and which more than once.
///
/// Runs may come in any order, because the objects of one delivery interleave. Those that simply go on extend the last
/// run; others are gathered and merged many at a time, so that a million of them take a sort and not a million searches.
struct CoverageTracker: Sendable {
    /// Runs gathered before a merge; 16 bytes each.
    private static let pendingMax = 1 << 18
    /// Doubled runs remembered as examples.
    static let examplesMax = 20

    /// Ascending, neither overlapping nor adjacent.
    private var covered: [ClosedRange<Int64>] = []
    private var pending: [ClosedRange<Int64>] = []
    /// How many numbers came again, each time counted.
    private(set) var doubledCount: Int64 = 0
    /// Where that was, as far as `examplesMax` goes.
    private(set) var doubled: [ClosedRange<Int64>] = []

    init() {}

    mutating func add(_ run: ClosedRange<Int64>) {
        if pending.isEmpty, let last = covered.last, run.lowerBound == last.upperBound + 1 {
            covered[covered.count - 1] = last.lowerBound...run.upperBound
            return
        }
        pending.append(run)
        if pending.count >= Self.pendingMax { settle() }
    }

    /// Merges what was gathered. Called before anything is asked.
    mutating func settle() {
        guard !pending.isEmpty else { return }
        pending.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        var merged: [ClosedRange<Int64>] = []
        var (old, new) = (covered[...], pending[...])
        while let run = Self.popLower(&old, &new) {
            guard let last = merged.last, run.lowerBound <= last.upperBound + 1 else {
                merged.append(run)
                continue
            }
            if run.lowerBound <= last.upperBound { note(run.lowerBound...min(run.upperBound, last.upperBound)) }
            merged[merged.count - 1] = last.lowerBound...max(last.upperBound, run.upperBound)
        }
        covered = merged
        pending = []
    }

    private static func popLower(
        _ left: inout ArraySlice<ClosedRange<Int64>>, _ right: inout ArraySlice<ClosedRange<Int64>>
    ) -> ClosedRange<Int64>? {
        guard let first = left.first else { return right.popFirst() }
        guard let second = right.first, second.lowerBound < first.lowerBound else { return left.popFirst() }
        return right.popFirst()
    }

    private mutating func note(_ run: ClosedRange<Int64>) {
        doubledCount += Int64(run.count)
        if doubled.count < Self.examplesMax { doubled.append(run) }
    }

    // MARK: After `settle`

    /// The lowest number covered; nil when there is none.
    var first: Int64? { covered.first?.lowerBound }
    /// The highest number covered; nil when there is none.
    var last: Int64? { covered.last?.upperBound }

    /// The runs of `range` that nothing covers.
    func gaps(in range: Range<Int64>) -> [ClosedRange<Int64>] {
        var found: [ClosedRange<Int64>] = []
        var position = range.lowerBound
        for run in covered where run.upperBound >= range.lowerBound && run.lowerBound < range.upperBound {
            if run.lowerBound > position { found.append(position...run.lowerBound - 1) }
            position = run.upperBound + 1
        }
        if position < range.upperBound { found.append(position...range.upperBound - 1) }
        return found
    }

    func contains(_ number: Int64) -> Bool {
        var low = 0
        var high = covered.count
        while low < high {
            let middle = (low + high) / 2
            if covered[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < covered.count && covered[low].contains(number)
    }
}

extension [ClosedRange<Int64>] {
    /// The same runs without the numbers given, which ascend.
    func without(_ numbers: [Int64]) -> [ClosedRange<Int64>] {
        var found: [ClosedRange<Int64>] = []
        var rest = numbers[...]
        for run in self {
            var position = run.lowerBound
            rest = rest.drop { $0 < position }
            while let number = rest.first, number <= run.upperBound {
                if number > position { found.append(position...number - 1) }
                position = number + 1
                rest = rest.dropFirst().drop { $0 == number }
            }
            if position <= run.upperBound { found.append(position...run.upperBound) }
        }
        return found
    }

    /// How many numbers the runs have together.
    var numberCount: Int64 { reduce(0) { $0 + Int64($1.count) } }
}

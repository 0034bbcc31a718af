internal import SluiceCore

/// A set of numbers as the ledger keeps it: runs of consecutive ones.
struct RecordRuns: Sendable, Equatable {
    private var runs: [ClosedRange<Int64>] = []
    var ranges: [ClosedRange<Int64>] { runs }

    /// - Parameter encoded: gap to the run before, length, gap, length, …, the first gap counted from `first`.
    init(_ encoded: [Int], from first: Int64) {
        var position = first
        for index in stride(from: 0, to: encoded.count - 1, by: 2) {
            let start = position + Int64(encoded[index])
            position = start + Int64(encoded[index + 1])
            if position > start { runs.append(start...position - 1) }
        }
    }

    func holds(_ number: Int64) -> Bool {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < runs.count && runs[low].contains(number)
    }
}

/// Writes ascending numbers down as runs: gap, length, gap, length, …
struct RunTracker: Sendable {
    private var closed: [Int] = []
    private var gap = 0
    private var length = 0
    private var next: SequenceNumber
    private(set) var count = 0
    private(set) var last: SequenceNumber?

    init(first: SequenceNumber) {
        next = first
    }

    var runs: [Int] { length == 0 ? closed : closed + [gap, length] }

    /// The runs; nil when they are all numbers from the first to `last`.
    func runs(unlessAllTo last: SequenceNumber) -> [Int]? {
        closed.isEmpty && gap == 0 && next == last.advanced(by: 1) ? nil : runs
    }

    mutating func add(_ number: SequenceNumber) {
        let distance = number.distance(from: next)
        if distance == 0, length > 0 {
            length += 1
        } else {
            if length > 0 { closed += [gap, length] }
            gap = distance
            length = 1
        }
        next = number.advanced(by: 1)
        last = number
        count += 1
    }
}

internal import SluiceCore
internal import Terminal

/// What `sluice task verify` has found out: what the objects are like, and whether each record is in one of them.
///
/// A record counts as accounted for when one object holds it, or it is parked, or, as far as their number goes, it counts
/// as discarded. Everything else is a finding.
struct VerificationReport: Sendable {
    struct Finding: Sendable {
        enum Kind: String, Sendable {
            case missing = "MISSING_OBJECT"
            case differs = "OBJECT_DIFFERS"
            case unreadable = "OBJECT_UNREADABLE"
            /// Objects were left out, because none of many could be read.
            case abandoned = "VERIFICATION_ABANDONED"
            case contradiction = "LEDGER_CONTRADICTION"
            case stranger = "OBJECT_NOT_IN_LEDGER"
            case gap = "RECORDS_MISSING"
            case double = "RECORDS_DOUBLED"
        }

        let kind: Kind
        let partition: String
        var object: String?
        var numbers: ClosedRange<Int64>?
        var message: String
    }

    /// A partition as the task described it before the first object was read: what is delivered later does not count.
    struct Scope: Sendable {
        /// Nil when nobody noted where the task began: then with its first object.
        var start: Int64?
        /// The next number to deliver; nil for a partition that is no longer listed.
        var next: Int64?
        var discarded: Int64 = 0
        /// Numbers of parked records, ascending.
        var parked: [Int64] = []
    }

    struct Partition: Sendable {
        var scope: Scope
        var coverage = CoverageTracker()
        var objects = 0
        var records: Int64 = 0
        var bytes: Int64 = 0
        var badObjects = 0
        var missing: Int64 = 0
        var parked: Int64 = 0
        var discarded: Int64 = 0
    }

    /// Findings kept with all they say; the others are counted.
    static let findingsMax = 1000

    private(set) var partitions: [String: Partition] = [:]
    private(set) var findings: [Finding] = []
    private(set) var findingCount = 0
    private(set) var comparedWithStream = 0
    private var unreadableInARow = 0

    /// So many objects in a row that cannot be read say that the destination is away: each may take a minute to fail.
    static let unreadableMax = 20
    /// Whether there is no point in going on.
    var isAbandoned: Bool { unreadableInARow >= Self.unreadableMax }

    init(_ scopes: [String: Scope]) {
        partitions = scopes.mapValues { Partition(scope: $0) }
    }

    var objects: Int { partitions.values.reduce(0) { $0 + $1.objects } }
    var records: Int64 { partitions.values.reduce(0) { $0 + $1.records } }
    var isRight: Bool { findingCount == 0 }

    mutating func add(_ entry: VerifiedObjects.Entry) {
        var partition = partitions[entry.partitionId] ?? Partition(scope: Scope())
        if let next = partition.scope.next, entry.firstSequenceNumber.value >= next { return }
        // Out of the table while it changes, so that the runs in it are not copied.
        partitions[entry.partitionId] = nil
        partition.objects += 1
        partition.bytes += Int64(entry.bytes)
        var kind: Finding.Kind?
        switch entry.state {
        case "OK": break
        case "MISSING": kind = .missing
        case "DIFFERS": kind = .differs
        default: kind = .unreadable
        }
        unreadableInARow = kind == .unreadable ? unreadableInARow + 1 : 0
        if let kind {
            partition.badObjects += 1
            note(Finding(kind: kind, partition: entry.partitionId, object: entry.object, message: entry.message ?? ""))
        }
        if entry.comparedWithStream { comparedWithStream += 1 }
        if let numbers = entry.numbers {
            partition.records += numbers.numberCount
            for run in numbers { partition.coverage.add(run) }
        } else {
            note(
                Finding(
                    kind: .contradiction, partition: entry.partitionId, object: entry.object,
                    message: "its ledger entry contradicts itself"))
        }
        partitions[entry.partitionId] = partition
    }

    /// Notes an object that the ledger does not know.
    mutating func add(_ stranger: VerifiedObjects.Stranger) {
        note(
            Finding(
                kind: .stranger, partition: stranger.partitionId, object: stranger.object,
                message: "the task's name is on it, and it is newer than the task"))
    }

    /// Looks for what is missing or double, after the last object.
    /// - Parameter stillParked: numbers that are parked now; none of them may be in an object.
    mutating func conclude(stillParked: [String: [Int64]]) {
        if isAbandoned {
            note(
                Finding(
                    kind: .abandoned, partition: "",
                    message: "\(Self.unreadableMax) objects in a row cannot be read; the others were left out"))
        }
        for (name, partition) in partitions.sorted(by: { $0.key < $1.key }) {
            var partition = partition
            partition.coverage.settle()
            for run in partition.coverage.doubled {
                note(Self.finding(.double, name, run, "in more than one object"))
            }
            let rest = partition.coverage.doubledCount - partition.coverage.doubled.numberCount
            if rest > 0 {
                note(Self.finding(.double, name, nil, "\(HumanText.count(Int(rest))) more in more than one object"))
            }
            for number in stillParked[name] ?? [] where partition.coverage.contains(number) {
                note(Self.finding(.double, name, number...number, "in an object and parked as well"))
            }
            if !isAbandoned { lookForGaps(&partition, name) }
            partitions[name] = partition
        }
    }

    /// The findings of records that are in several places, with their places in the list.
    var doubles: [(index: Int, finding: Finding)] {
        findings.enumerated().filter { $0.element.kind == .double && $0.element.numbers != nil }
            .map { (index: $0.offset, finding: $0.element) }
    }

    /// Adds the names of the objects that a finding is about.
    mutating func name(_ objects: [String], at index: Int) {
        guard !objects.isEmpty else { return }
        findings[index].message += ": " + objects.joined(separator: ", ")
    }

    private mutating func lookForGaps(_ partition: inout Partition, _ name: String) {
        let scope = partition.scope
        guard let start = scope.start ?? partition.coverage.first,
            let next = scope.next ?? partition.coverage.last.map({ $0 + 1 })
        else { return }
        if let first = partition.coverage.first, first < start {
            note(Self.finding(.double, name, first...start - 1, "in an object, but from before the task's start"))
        }
        let gaps = partition.coverage.gaps(in: start..<max(start, next))
        let unparked = gaps.without(scope.parked)
        partition.parked = gaps.numberCount - unparked.numberCount
        let absent = unparked.numberCount
        partition.discarded = min(absent, scope.discarded)
        partition.missing = absent - partition.discarded
        guard partition.missing > 0 else { return }
        let part = scope.discarded > 0 ? "; \(HumanText.count(Int(scope.discarded))) of these count as discarded" : ""
        for run in unparked.prefix(CoverageTracker.examplesMax) {
            note(Self.finding(.gap, name, run, "in no object" + part))
        }
        let rest = unparked.dropFirst(CoverageTracker.examplesMax).reduce(0) { $0 + Int64($1.count) }
        if rest > 0 { note(Self.finding(.gap, name, nil, "\(HumanText.count(Int(rest))) more in no object")) }
    }

    private static func finding(
        _ kind: Finding.Kind, _ partition: String, _ numbers: ClosedRange<Int64>?, _ what: String
    ) -> Finding {
        Finding(kind: kind, partition: partition, numbers: numbers, message: what)
    }

    private mutating func note(_ finding: Finding) {
        findingCount += 1
        if findings.count < Self.findingsMax { findings.append(finding) }
    }
}

extension VerificationReport.Finding {
    /// One line for a person.
    var line: String {
        if let object {
            let what =
                switch kind {
                case .missing: "is missing"
                case .differs: "is not as it was delivered"
                case .unreadable: "cannot be read"
                case .stranger: "is not in the ledger"
                default: "is not accounted for"
                }
            return "\(object) \(what)" + (message.isEmpty ? "." : ": \(message).")
        }
        guard let numbers else { return (partition.isEmpty ? "" : "\(partition): ") + message + "." }
        return numbers.count == 1
            ? "\(partition): record \(numbers.lowerBound) is \(message)."
            : "\(partition): records \(numbers.lowerBound) to \(numbers.upperBound) are \(message)."
    }

    var output: JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("kind", .string(kind.rawValue))
        ]
        if !partition.isEmpty { members.append(("partition_id", .string(partition))) }
        if let object { members.append(("object", .string(object))) }
        if let numbers {
            members.append(("first_sequence_number", .string(String(numbers.lowerBound))))
            members.append(("last_sequence_number", .string(String(numbers.upperBound))))
        }
        members.append(("message", .string(message)))
        return .object(members)
    }
}

extension VerificationReport {
    var table: TextTable {
        var table = TextTable([
            .init("PARTITION"), .init("OBJECTS", .right), .init("FIRST", .right), .init("LAST", .right),
            .init("RECORDS", .right), .init("SIZE", .right), .init("PARKED", .right), .init("DISCARDED", .right),
            .init("MISSING", .right), .init("DOUBLE", .right), .init("BAD OBJECTS", .right),
        ])
        for (name, partition) in partitions.sorted(by: { $0.key < $1.key }) {
            let counts = [
                partition.parked, partition.discarded, partition.missing, partition.coverage.doubledCount,
                Int64(partition.badObjects),
            ]
            table.append(
                [
                    name, HumanText.count(partition.objects), partition.coverage.first.map { String($0) } ?? "",
                    partition.coverage.last.map { String($0) } ?? "", HumanText.count(Int(partition.records)),
                    HumanText.bytes(Int(partition.bytes)),
                ] + counts.map { HumanText.count(Int($0)) })
        }
        return table
    }

    /// The result in a sentence.
    var sentence: String {
        func some(_ count: Int, _ word: String) -> String {
            "\(HumanText.count(count)) \(word)" + (count == 1 ? "" : "s")
        }
        var text = "\(some(Int(records), "record")) in \(some(objects, "object"))"
        guard isRight else { return text + ": \(some(findingCount, "thing")) found that must not be." }
        let alone = objects - comparedWithStream
        text +=
            ": each is there once (\(some(comparedWithStream, "object")) compared with the stream, "
            + "\(HumanText.count(alone)) with the ledger only)."
        let parked = Int(partitions.values.reduce(0) { $0 + $1.parked })
        let discarded = Int(partitions.values.reduce(0) { $0 + $1.discarded })
        if parked > 0 { text += " \(some(parked, "record")) parked." }
        if discarded > 0 { text += " \(some(discarded, "record")) discarded." }
        return text
    }

    var output: JSONOutput {
        let rows = partitions.sorted { $0.key < $1.key }.map { name, partition in
            JSONOutput.object([
                ("partition_id", .string(name)), ("objects", .integer(partition.objects)),
                ("records", .integer(Int(partition.records))), ("bytes", .integer(Int(partition.bytes))),
                ("parked", .integer(Int(partition.parked))), ("discarded", .integer(Int(partition.discarded))),
                ("missing", .integer(Int(partition.missing))),
                ("double", .integer(Int(partition.coverage.doubledCount))),
                ("bad_objects", .integer(partition.badObjects)),
            ])
        }
        return .object([
            ("verified", .boolean(isRight)), ("records", .integer(Int(records))), ("objects", .integer(objects)),
            ("compared_with_stream", .integer(comparedWithStream)),
            ("compared_with_ledger_only", .integer(objects - comparedWithStream)), ("partitions", .array(rows)),
            ("finding_count", .integer(findingCount)), ("findings", .array(findings.map(\.output))),
        ])
    }
}

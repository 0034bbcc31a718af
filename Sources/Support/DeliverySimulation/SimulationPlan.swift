/// What happens in a run: how much is written, and how each process but the last ends.
package struct SimulationPlan: Sendable {
    /// When a process ends.
    package enum End: Sendable {
        /// After some of its steps.
        case steps(Int)
        /// In the middle of a call to the disk.
        case diskOperations(Int)
        /// When its time is over.
        case time
        /// As it is told to, finishing what it does.
        case orderly
    }

    package struct Death: Sendable {
        package var end: End
        /// Whether the machine goes with the process, and with it what was not synced.
        package var losesPower: Bool

        package init(_ end: End, losesPower: Bool = true) {
            self.end = end
            self.losesPower = losesPower
        }
    }

    package var deaths: [Death]
    package var partitions = 1
    package var clients = 1
    package var batches = 4
    package var usesRecordTime = false
    /// Whether objects are Parquet, and some records do not convert and are parked and replayed.
    package var usesParquet = false
    /// Whether at the end somebody mends the schema and replays all that is parked.
    package var endsMended = false
    /// Whether the log is one that several processes share, and a process that was replaced goes on working for a
    /// while, as one cut off from the others would.
    package var sharesLog = false
    /// Whether retention overtakes the task at times. The store then shows what it has as it is, and nobody who was cut
    /// off writes any more: what is gone from the log cannot be written again, or compared.
    package var trims = false

    package init(deaths: [Death]) {
        self.deaths = deaths
    }

    /// A random history.
    package init(drawnFrom numbers: SharedNumbers) {
        sharesLog = numbers.chance(30)
        deaths = []
        for _ in 0..<(1 + numbers.below(5)) {
            let losesPower = numbers.chance(60)
            switch numbers.below(10) {
            case 0, 1, 2, 3, 4: deaths.append(Death(.steps(numbers.below(160)), losesPower: losesPower))
            case 5, 6: deaths.append(Death(.diskOperations(numbers.below(120)), losesPower: losesPower))
            case 7: deaths.append(Death(.orderly, losesPower: losesPower))
            default: deaths.append(Death(.time, losesPower: losesPower))
            }
        }
        partitions = 1 + numbers.below(3)
        clients = 1 + numbers.below(2)
        batches = 1 + numbers.below(8)
        usesRecordTime = numbers.chance(30)
        usesParquet = numbers.chance(30)
        endsMended = usesParquet && numbers.chance(60)
        trims = !usesParquet && !sharesLog && numbers.chance(40)
    }
}

/// What became of a run.
package struct SimulationReport: Sendable {
    /// Why the run is wrong; nil when all is well.
    package var failure: String?
    /// What the log said when it refused to start, as it may when syncs have failed; nil when it never did.
    package var refusal: String?
    /// Steps of the first process.
    package var steps = 0
    /// Calls to the disk until the first process's end.
    package var diskOperations = 0
    package var acknowledged = 0
    package var objects = 0
    /// Records that are still parked at the end.
    package var parked = 0
    /// The same for the same run.
    package var digest: UInt32 = 0
}

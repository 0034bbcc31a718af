/// What happens in a run: how much is written, what people do meanwhile, and how each process but the last ends.
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

    /// What the records of all streams are.
    enum Content: Sendable {
        case json
        case csv
        /// JSON with a schema that some records break: they are parked and replayed where objects are Parquet.
        case columns
    }

    package var deaths: [Death]
    package var partitions = 1
    package var clients = 1
    package var batches = 4
    var content = Content.json
    /// Streams of the names in `SimulatedProcess.streams`.
    var streams = 1
    var tasks = [PlannedTask(stream: 0, name: "t", form: PlannedForm())]
    /// Whether at the end somebody mends the schema and replays all that is parked.
    var endsMended = false
    /// Whether the log is one that several processes share, and a process that was replaced goes on working for a
    /// while, as one cut off from the others would.
    var sharesLog = false
    /// Whether retention overtakes the tasks at times. The store then shows what it has as it is, and nobody who was cut
    /// off writes any more: what is gone from the log cannot be written again, or compared.
    var trims = false
    /// Whether tasks are stopped and started again and again, alone and together.
    var stopsTasks = false
    /// Whether tasks get new settings.
    var updatesTasks = false
    /// Whether tasks are deleted, and made again under their names.
    var recreatesTasks = false
    /// Whether streams are deleted, and made again under their names.
    var recreatesStreams = false
    /// Whether streams get more partitions and fewer.
    var scales = false
    /// Whether the store refuses at times as it does until a person has mended it.
    var breaksStore = false

    package init(deaths: [Death]) {
        self.deaths = deaths
    }

    /// A random history.
    package init(drawnFrom numbers: SharedNumbers) {
        sharesLog = numbers.chance(25)
        deaths = []
        for _ in 0..<(1 + numbers.below(4)) { deaths.append(Death(drawnFrom: numbers)) }
        partitions = 1 + numbers.below(3)
        clients = 1 + numbers.below(2)
        batches = 1 + numbers.below(6)
        switch numbers.below(10) {
        case 0, 1: content = .columns
        case 2, 3: content = .csv
        default: content = .json
        }
        endsMended = content == .columns && numbers.chance(60)
        trims = content != .columns && !sharesLog && numbers.chance(30)
        stopsTasks = numbers.chance(30)
        updatesTasks = numbers.chance(30)
        recreatesTasks = numbers.chance(25)
        breaksStore = numbers.chance(15)
        if !sharesLog {
            scales = numbers.chance(25)
            recreatesStreams = numbers.chance(15)
        }
        streams = numbers.chance(15) ? 2 : 1
        tasks = []
        for stream in 0..<streams {
            for index in 0..<(numbers.chance(20) ? 2 : 1) {
                tasks.append(
                    PlannedTask(
                        stream: stream, name: "t\(index)", form: PlannedForm(for: content, drawnFrom: numbers)))
            }
        }
    }

    /// Whether people do anything to tasks but to create and start them.
    var touchesTasks: Bool { stopsTasks || updatesTasks || recreatesTasks || breaksStore || content == .columns }
}

extension SimulationPlan.Death {
    init(drawnFrom numbers: SharedNumbers) {
        losesPower = numbers.chance(60)
        switch numbers.below(10) {
        case 0, 1, 2, 3, 4: end = .steps(numbers.below(200))
        case 5, 6: end = .diskOperations(numbers.below(120))
        case 7: end = .orderly
        default: end = .time
        }
    }
}

extension SimulationPlan.End {
    var steps: Int? {
        if case .steps(let steps) = self { steps } else { nil }
    }

    var diskOperations: Int? {
        if case .diskOperations(let operations) = self { operations } else { nil }
    }
}

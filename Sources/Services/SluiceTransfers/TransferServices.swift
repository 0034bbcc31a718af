internal import Observability
internal import SluiceCore
internal import SluicePorts

/// What every part of the module works with.
struct TransferServices: Sendable {
    let store: TransferStore
    let log: any RecordLog
    let streams: any StreamLookup
    let sinks: any ObjectSinkProvider
    let time: any TimeSource
    let settings: TransferSettings
    let logger: Logger
    let metrics: MetricsRegistry
    let identifiers: IdentifierGenerator
    /// Memory for the record data of all tasks.
    let memory: SharedMemory
}

extension TransferServices {
    /// The sink that deliveries of a form go to. What was made for a configured destination does not fall back to the
    /// local folders when that destination is gone: its next objects would lie where nobody looks for them. An update of
    /// the task does not change where a delivery goes that was begun before.
    func sink(of task: TransferTask, _ form: DeliveryForm, _ destination: OBSDestination) throws(SinkError)
        -> any ObjectSink
    {
        let hasDestination = form.hasDestination ?? task.hasDestination
        guard !hasDestination || sinks.hasDestination(project: task.project, agency: destination.agency) else {
            throw SinkError(
                .unknownDestination,
                "the destination of this task was removed: none fits the agency \(destination.agency) any more")
        }
        return try sinks.sink(project: task.project, agency: destination.agency, bucket: destination.bucket)
    }
}

/// The task belongs to somebody else now, or to nobody: its former runner stops without a word.
struct TaskLost: Error {}

/// A fault that only a person can remove; the task goes to ERROR with this reason.
struct PermanentFault: Error {
    let reason: String
}

/// Pauses between attempts: doubling from a first to a longest one.
struct RetryPauses: Sendable {
    private let first: Duration
    private let longest: Duration
    private var upcoming: Duration

    init(_ settings: TransferSettings) {
        first = settings.retryPause
        longest = settings.retryPauseMax
        upcoming = settings.retryPause
    }

    mutating func next() -> Duration {
        defer { upcoming = min(upcoming * 2, longest) }
        return upcoming
    }

    mutating func reset() {
        upcoming = first
    }
}

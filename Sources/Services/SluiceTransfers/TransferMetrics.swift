internal import Observability
internal import SluiceCore

/// The counters of one task, by project, stream and task; whoever runs the task holds them, because finding them takes a
/// lock and a search among all tasks.
struct TransferMetrics: Sendable {
    let records: Counter
    let bytes: Counter
    let objects: Counter
    let retries: Counter
    let discarded: Counter
    let parked: Counter

    init(of task: TransferTask, in registry: MetricsRegistry) {
        let labels = Self.labels(task)
        records = registry.counter("sluice_transfer_records_total", "Records delivered and confirmed.", labels)
        bytes = registry.counter("sluice_transfer_bytes_total", "Bytes of delivered objects.", labels)
        objects = registry.counter("sluice_transfer_objects_total", "Objects delivered and confirmed.", labels)
        retries = registry.counter(
            "sluice_transfer_retries_total", "Deliveries that failed and were tried again.", labels)
        discarded = registry.counter(
            "sluice_transfer_discarded_total", "Records given up: past retention before delivery, or by hand.", labels)
        parked = registry.counter(
            "sluice_transfer_parked_total", "Records parked because they were refused.", labels)
    }

    static func labels(project: String, stream: String, task: String) -> MetricsRegistry.Labels {
        [("project", project), ("stream", stream), ("task", task)]
    }

    private static func labels(_ task: TransferTask) -> MetricsRegistry.Labels {
        labels(project: task.project.text, stream: task.streamName.text, task: task.name)
    }

    /// Ends the counters of a deleted task, whose runners have ended.
    static func forget(_ task: TransferTask, in registry: MetricsRegistry) {
        registry.remove(labels(task))
    }
}

internal import Observability
internal import SluiceCore

/// The numbers that transfer tasks keep, by project, stream and task.
struct TransferMetrics: Sendable {
    struct Task: Sendable {
        let records: Counter
        let bytes: Counter
        let objects: Counter
        let retries: Counter
        let discarded: Counter
        let parked: Counter
    }

    let registry: MetricsRegistry

    init(_ registry: MetricsRegistry) {
        self.registry = registry
    }

    static func labels(project: String, stream: String, task: String) -> MetricsRegistry.Labels {
        [("project", project), ("stream", stream), ("task", task)]
    }

    /// Ends the counters of a deleted task.
    func forget(_ task: TransferTask) {
        registry.remove(Self.labels(project: task.project.text, stream: task.streamName.text, task: task.name))
    }

    func task(_ task: TransferTask) -> Task {
        let labels = Self.labels(project: task.project.text, stream: task.streamName.text, task: task.name)
        return Task(
            records: registry.counter("sluice_transfer_records_total", "Records delivered and confirmed.", labels),
            bytes: registry.counter("sluice_transfer_bytes_total", "Bytes of delivered objects.", labels),
            objects: registry.counter("sluice_transfer_objects_total", "Objects delivered and confirmed.", labels),
            retries: registry.counter(
                "sluice_transfer_retries_total", "Deliveries that failed and were tried again.", labels),
            discarded: registry.counter(
                "sluice_transfer_discarded_total", "Records given up: past retention before delivery, or by hand.",
                labels),
            parked: registry.counter(
                "sluice_transfer_parked_total", "Records parked because they were refused.", labels))
    }
}

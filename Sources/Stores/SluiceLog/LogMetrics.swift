internal import Observability
internal import SluiceCore

/// What the log counts.
struct LogMetrics: Sendable {
    let records: Counter
    let bytes: Counter
    let syncs: Counter
    let failures: Counter
    let syncLatency: Histogram
    let droppedByRetention: Counter
    let diskBytes: Gauge
    let segments: Gauge

    init(_ registry: MetricsRegistry) {
        records = registry.counter("sluice_log_records_total", "Records made durable.")
        bytes = registry.counter("sluice_log_written_bytes_total", "Bytes written to segments, headers included.")
        syncs = registry.counter("sluice_log_syncs_total", "Syncs of the active segment.")
        failures = registry.counter("sluice_log_failures_total", "Disk operations that failed.")
        syncLatency = registry.latency("sluice_log_sync_seconds", "Time of one sync of the active segment.")
        droppedByRetention = registry.counter(
            "sluice_log_segments_dropped_total", "Segments dropped because the log had reached its size limit.")
        diskBytes = registry.gauge("sluice_log_disk_bytes", "Bytes of segment files, spare ones included.")
        segments = registry.gauge("sluice_log_segments", "Segment files.")
    }

    func synced(bytes count: Int, taking duration: Duration) {
        bytes.increment(by: count)
        syncs.increment()
        syncLatency.observe(Int(duration.inSeconds * 1_000_000))
    }
}

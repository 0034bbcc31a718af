package import Observability
package import SluiceCore

/// What the metrics page says about requests and the records in them, for the server as a whole.
///
/// Streams have figures of their own in the API; a label for each would make the page grow with their number.
package struct RequestMetrics: Sendable {
    /// What a request asks for, as the latency figures tell it apart.
    package enum Operation: String, CaseIterable, Sendable {
        case putRecords = "put_records"
        case getRecords = "get_records"
        case getCursor = "get_cursor"
        case checkpoint
        case control

        init(method: String, pattern: String) {
            switch pattern {
            case "/v2/{project_id}/records": self = method == "POST" ? .putRecords : .getRecords
            case "/v2/{project_id}/cursors": self = .getCursor
            case "/v2/{project_id}/checkpoints": self = .checkpoint
            default: self = .control
            }
        }
    }

    let recordsPut: Counter
    let recordBytesPut: Counter
    let recordsRefused: Counter
    let recordsGot: Counter
    let recordBytesGot: Counter
    private let latencies: [Operation: Histogram]
    private let time: any TimeSource

    package init(_ registry: MetricsRegistry, time: any TimeSource) {
        self.time = time
        recordsPut = registry.counter("sluice_records_put_total", "Records put, durable when they are counted.")
        recordBytesPut = registry.counter("sluice_record_bytes_put_total", "Bytes of data of the records put.")
        recordsRefused = registry.counter(
            "sluice_records_refused_total", "Records that a put answered with an error of their own.")
        recordsGot = registry.counter("sluice_records_get_total", "Records handed to readers.")
        recordBytesGot = registry.counter("sluice_record_bytes_get_total", "Bytes of data of the records read.")
        latencies = Dictionary(
            uniqueKeysWithValues: Operation.allCases.map {
                (
                    $0,
                    registry.latency(
                        "sluice_request_seconds",
                        "Time from a routed request to its answer, the check of the caller included.",
                        [(name: "operation", value: $0.rawValue)])
                )
            })
    }

    /// The moment that `observe` measures from.
    func begin() -> Duration { time.elapsed() }

    /// Notes the latency of one request, whatever its answer was.
    func observe(_ operation: Operation, since began: Duration) {
        let (seconds, attoseconds) = (time.elapsed() - began).components
        latencies[operation]?.observe(Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000))
    }
}

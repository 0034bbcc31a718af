package import SluiceCore

/// A metric of a stream, or of one of its partitions (spec section 2.7).
package enum MetricLabel: String, Sendable, CaseIterable {
    case putBytesPerStream = "total_put_bytes_per_stream"
    case getBytesPerStream = "total_get_bytes_per_stream"
    case putRecordsPerStream = "total_put_records_per_stream"
    case getRecordsPerStream = "total_get_records_per_stream"
    case putLatency = "total_put_req_latency"
    case getLatency = "total_get_req_latency"
    case putSuccesses = "total_put_req_suc_per_stream"
    case getSuccesses = "total_get_req_suc_per_stream"
    case throttledPuts = "traffic_control_put"
    case throttledGets = "traffic_control_get"
    case putBytesPerPartition = "total_put_bytes_per_partition"
    case getBytesPerPartition = "total_get_bytes_per_partition"
    case putRecordsPerPartition = "total_put_records_per_partition"
    case getRecordsPerPartition = "total_get_records_per_partition"

    /// Reads a label; the documentation also prints `traffic_controll_…`.
    package init?(parsing text: String) {
        self.init(rawValue: text.hasPrefix("traffic_controll_") ? "traffic_control_" + text.dropFirst(17) : text)
    }

    package var isOfPartition: Bool { rawValue.hasSuffix("_per_partition") }

    fileprivate func value(_ minute: StreamTraffic.StreamMinute) -> Int {
        switch self {
        case .putBytesPerStream: minute.putBytes
        case .getBytesPerStream: minute.getBytes
        case .putRecordsPerStream: minute.putRecords
        case .getRecordsPerStream: minute.getRecords
        // Milliseconds on average, rounded up so that a fast request does not read as none.
        case .putLatency: Self.average(minute.putMicroseconds, minute.putRequests)
        case .getLatency: Self.average(minute.getMicroseconds, minute.getRequests)
        case .putSuccesses: minute.putRequests
        case .getSuccesses: minute.getRequests
        case .throttledPuts: minute.putThrottled
        case .throttledGets: minute.getThrottled
        default: 0
        }
    }

    fileprivate func value(_ minute: StreamTraffic.PartitionMinute) -> Int {
        switch self {
        case .putBytesPerPartition: minute.putBytes
        case .getBytesPerPartition: minute.getBytes
        case .putRecordsPerPartition: minute.putRecords
        case .getRecordsPerPartition: minute.getRecords
        default: 0
        }
    }

    private static func average(_ microseconds: Int, _ requests: Int) -> Int {
        requests == 0 ? 0 : (microseconds / requests + 999) / 1000
    }
}

/// One value: the start of its minute in seconds, and the figure.
package struct MetricPoint: Sendable, Equatable {
    package let seconds: Int64
    package let value: Int
}

/// A window of time in whole minutes.
package struct MetricsWindow: Sendable {
    package let minutes: ClosedRange<Int64>

    /// Checks a window given in seconds (13 digits count as milliseconds); absent ends mean the last hour.
    package init(start: String?, end: String?, now: Timestamp) throws(StreamsError) {
        let end = try Self.seconds(end) ?? now.seconds
        let start = try Self.seconds(start) ?? end - 3600
        guard start <= end else { throw StreamsError(.invalidMetricsPeriod, "[start_time is after end_time]") }
        guard end - start <= 7 * 24 * 3600 else { throw StreamsError(.metricsPeriodTooLong) }
        minutes = start.flooredDivision(by: 60)...end.flooredDivision(by: 60)
    }

    private static func seconds(_ text: String?) throws(StreamsError) -> Int64? {
        guard let text else { return nil }
        guard let value = Int64(text), value >= 0 else { throw StreamsError(.invalidMetricsPeriod, "[\(text)]") }
        return text.utf8.count >= 13 ? value / 1000 : value
    }
}

extension Streams {
    /// The label's figures for each minute of the window, zeros included; nothing before the stream was made.
    package func points(
        _ label: MetricLabel, of stream: LiveStream, partition: PartitionNumber?, in window: MetricsWindow
    ) -> [MetricPoint] {
        var values: [Int64: Int] = [:]
        if let partition {
            for minute in stream.traffic.minutes(of: partition, window.minutes) {
                values[minute.minute] = label.value(minute)
            }
        } else {
            for minute in stream.traffic.minutes(window.minutes) { values[minute.minute] = label.value(minute) }
        }
        let born = stream.record.createdAt.milliseconds.flooredDivision(by: 60_000)
        let last = time.now().milliseconds.flooredDivision(by: 60_000)
        let first = max(window.minutes.lowerBound, born)
        let end = min(window.minutes.upperBound, last)
        guard first <= end else { return [] }
        return (first...end).map { MetricPoint(seconds: $0 * 60, value: values[$0] ?? 0) }
    }
}

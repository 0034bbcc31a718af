internal import Observability
internal import SluiceCore

/// When a stream's partition count follows its load (spec section 3.6): up when the last minute was throttled and its
/// writes used more than 80 % of the capacity, to `ceil(n / 0.6)`; down when writes and reads both used less than 30 %, to
/// `floor(n / 2)`; at most one decision a minute and two minutes of rest after a change.
enum AutoScalingRule {
    static let rest = Duration.seconds(120)

    /// The partition count that the last full minute calls for; nil to leave it.
    static func target(for record: Stream, minute: StreamTraffic.StreamMinute?, now: Timestamp) -> Int? {
        guard record.autoScaling.isEnabled, !record.isFrozen else { return nil }
        let lastChange = record.scalings.last?.at ?? record.createdAt
        guard now - lastChange >= rest else { return nil }
        let count = record.activePartitionCount
        let writeCapacity = Double(count * record.kind.writeLimit.bytes * 60)
        let recordCapacity = Double(count * record.kind.writeLimit.records * 60)
        let readCapacity = Double(count * record.kind.readLimit * 60)
        let written =
            minute.map { max(Double($0.putBytes) / writeCapacity, Double($0.putRecords) / recordCapacity) } ?? 0
        let read = minute.map { Double($0.getBytes) / readCapacity } ?? 0
        // Where throughput is not enforced nothing is ever throttled: then passing the capacity counts as that.
        let isThrottled = (minute?.putThrottled ?? 0) > 0 || written >= 1
        if isThrottled, written > 0.8 {
            let wanted = min(Int((Double(count) / 0.6).rounded(.up)), record.autoScaling.maximum)
            return wanted > count ? wanted : nil
        }
        if written < 0.3, read < 0.3 {
            let wanted = max(count / 2, record.autoScaling.minimum, 1)
            return wanted < count ? wanted : nil
        }
        return nil
    }
}

extension Streams {
    /// Looks at the load of streams with automatic scaling once a minute until cancelled.
    package func runAutoScaling() async throws {
        while true {
            try await time.sleep(for: .seconds(60))
            await autoScale()
        }
    }

    /// Decides once for each stream, by its last full minute.
    package func autoScale() async {
        let now = time.now()
        let minute = now.milliseconds.flooredDivision(by: 60_000) - 1
        for (project, name) in directory.everyName() {
            guard !Task.isCancelled else { return }
            guard let stream = try? directory.stream(named: name, in: project),
                let target = AutoScalingRule.target(
                    for: stream.record, minute: stream.traffic.minutes(minute...minute).first, now: now)
            else { continue }
            do {
                _ = try await scale(stream, to: target, isAutomatic: true)
                logger.info("A stream was scaled to its load", ["stream": name.text, "partitions": "\(target)"])
            } catch {
                logger.warning("A stream could not be scaled to its load", ["stream": name.text, "error": "\(error)"])
            }
        }
    }
}

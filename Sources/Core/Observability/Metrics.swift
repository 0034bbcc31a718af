internal import Synchronization

/// A number that only grows.
package final class Counter: Sendable {
    private let cell = Atomic<Int>(0)
    package init() {}
    package func increment(by amount: Int = 1) { cell.add(amount, ordering: .relaxed) }
    package var value: Int { cell.load(ordering: .relaxed) }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let cell = Atomic<Int>(0)
    package init() {}
    package func set(_ value: Int) { cell.store(value, ordering: .relaxed) }
    package var value: Int { cell.load(ordering: .relaxed) }
}

/// A distribution over fixed buckets, in whole units (by default microseconds from 50 us to 10 s).
package final class Histogram: Sendable {
    /// Upper bounds of the buckets, ascending; one more bucket holds the rest.
    package let bounds: [Int]
    private let state: Mutex<(counts: [Int], sum: Int)>

    package static let latencyMicroseconds = [
        50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        10_000_000,
    ]

    package init(bounds: [Int] = Histogram.latencyMicroseconds) {
        self.bounds = bounds
        state = Mutex((Array(repeating: 0, count: bounds.count + 1), 0))
    }

    package func observe(_ value: Int) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    /// Counts per bucket (the last one open) and the sum of all values.
    package var snapshot: (counts: [Int], sum: Int) { state.withLock { $0 } }
}

/// All metrics of the process, by name and labels, rendered as Prometheus text.
package final class MetricsRegistry: Sendable {
    package typealias Labels = [(name: String, value: String)]

    private enum Metric {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram, unitsPerSecond: Double)
        case computed(kind: String, @Sendable () -> [(labels: Labels, value: Double)])
    }

    private struct Family {
        var help: String
        var members: [(labels: String, metric: Metric)] = []
    }

    private let families = Mutex<[String: Family]>([:])
    private let preparations = Mutex<[@Sendable () async -> Void]>([])

    package init() {}

    /// The counter of that name and labels; made on first use. Names end in `_total`.
    package func counter(_ name: String, _ help: String, _ labels: Labels = []) -> Counter {
        find(name, help, labels, Counter()) {
            if case .counter(let found) = $0 { found } else { nil }
        } wrap: {
            .counter($0)
        }
    }

    /// The gauge of that name and labels; made on first use.
    package func gauge(_ name: String, _ help: String, _ labels: Labels = []) -> Gauge {
        find(name, help, labels, Gauge()) {
            if case .gauge(let found) = $0 { found } else { nil }
        } wrap: {
            .gauge($0)
        }
    }

    /// The latency histogram of that name and labels, observed in microseconds and rendered in seconds.
    package func latency(_ name: String, _ help: String, _ labels: Labels = []) -> Histogram {
        find(name, help, labels, Histogram()) {
            if case .histogram(let found, _) = $0 { found } else { nil }
        } wrap: {
            .histogram($0, unitsPerSecond: 1_000_000)
        }
    }

    /// Values asked for when the page is rendered; `kind` is `gauge` or `counter`.
    package func computed(
        _ name: String, _ help: String, kind: String = "gauge",
        _ values: @escaping @Sendable () -> [(labels: Labels, value: Double)]
    ) {
        families.withLock {
            $0[name, default: Family(help: help)].members = [("", .computed(kind: kind, values))]
        }
    }

    /// Adds something that `page()` waits for first: it fetches what computed values will say.
    package func beforeEachPage(_ body: @escaping @Sendable () async -> Void) {
        preparations.withLock { $0.append(body) }
    }

    /// Forgets the counters, gauges and histograms with exactly these labels, in all families.
    package func remove(_ labels: Labels) {
        let text = Self.render(labels)
        families.withLock { families in
            for name in families.keys { families[name]?.members.removeAll { $0.labels == text } }
        }
    }

    private func find<Kind: Sendable>(
        _ name: String, _ help: String, _ labels: Labels, _ fresh: @autoclosure () -> Kind,
        unwrap: (Metric) -> Kind?, wrap: (Kind) -> Metric
    ) -> Kind {
        let text = Self.render(labels)
        return families.withLock { families in
            if let found = families[name]?.members.first(where: { $0.labels == text }).flatMap({ unwrap($0.metric) }) {
                return found
            }
            let made = fresh()
            families[name, default: Family(help: help)].members.append((text, wrap(made)))
            return made
        }
    }

    private static func render(_ labels: Labels) -> String {
        labels.map { label in
            let value = label.value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
                "\n", with: "\\n")
            return "\(label.name)=\"\(value)\""
        }.joined(separator: ",")
    }

    /// The page with figures as they are now.
    package func page() async -> String {
        for body in preparations.withLock({ $0 }) { await body() }
        return render()
    }

    /// The page in Prometheus text format 0.0.4, families and members in order of their names.
    package func render() -> String {
        var page = ""
        let families = self.families.withLock { $0 }
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            guard let first = family.members.first else { continue }
            let kind =
                switch first.metric {
                case .counter: "counter"
                case .gauge: "gauge"
                case .histogram: "histogram"
                case .computed(let kind, _): kind
                }
            page += "# HELP \(name) \(family.help)\n# TYPE \(name) \(kind)\n"
            for member in family.members.sorted(by: { $0.labels < $1.labels }) {
                page += Self.lines(name, member.labels, member.metric)
            }
        }
        return page
    }

    private static func lines(_ name: String, _ labels: String, _ metric: Metric) -> String {
        func braced(_ text: String) -> String { text.isEmpty ? "" : "{\(text)}" }
        switch metric {
        case .counter(let counter): return "\(name)\(braced(labels)) \(counter.value)\n"
        case .gauge(let gauge): return "\(name)\(braced(labels)) \(gauge.value)\n"
        case .computed(_, let values):
            return values().map { "\(name)\(braced(render($0.labels))) \($0.value)\n" }.joined()
        case .histogram(let histogram, let units):
            let (counts, sum) = histogram.snapshot
            let comma = labels.isEmpty ? "" : ","
            var total = 0
            var text = ""
            for (index, count) in counts.enumerated() {
                total += count
                let bound = index < histogram.bounds.count ? "\(Double(histogram.bounds[index]) / units)" : "+Inf"
                text += "\(name)_bucket{\(labels)\(comma)le=\"\(bound)\"} \(total)\n"
            }
            return text
                + "\(name)_sum\(braced(labels)) \(Double(sum) / units)\n\(name)_count\(braced(labels)) \(total)\n"
        }
    }
}

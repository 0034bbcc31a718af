internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// The gauges of all tasks, made when the metrics page is asked for: idle tasks cost nothing, and those of deleted tasks
/// vanish with them.
final class LagFigures: Sendable {
    private struct Figures: Sendable {
        let labels: MetricsRegistry.Labels
        let lag: TransferLag
        let parked: Int
    }

    private struct State {
        var figures: [Figures] = []
        var madeAt: Duration?
        var isBeingMade = false
    }

    /// Pages asked for more often show the same figures again.
    private static let age = Duration.seconds(1)

    private let services: TransferServices
    private let reader: LagReader
    private let state = Mutex(State())

    init(_ services: TransferServices, reader: LagReader) {
        self.services = services
        self.reader = reader
    }

    func publish(to registry: MetricsRegistry) {
        registry.beforeEachPage { [weak self] in await self?.refresh() }
        gauge("sluice_transfer_lag_records", "Records not yet delivered and confirmed.", registry) {
            figures, _ in Double(figures.lag.records)
        }
        gauge("sluice_transfer_lag_bytes", "What these records take in the log.", registry) {
            figures, _ in Double(figures.lag.bytes.bytes)
        }
        gauge("sluice_transfer_lag_seconds", "Age of the oldest record not yet delivered.", registry) {
            figures, now in figures.lag.age(at: now).inSeconds
        }
        gauge("sluice_transfer_parked_records", "Records that are parked now.", registry) {
            figures, _ in Double(figures.parked)
        }
    }

    private func gauge(
        _ name: String, _ help: String, _ registry: MetricsRegistry,
        _ value: @escaping @Sendable (Figures, Timestamp) -> Double
    ) {
        registry.computed(name, help) { [weak self] in
            guard let self else { return [] }
            let now = services.time.now()
            return state.withLock(\.figures).map { (labels: $0.labels, value: value($0, now)) }
        }
    }

    /// Makes the figures anew, unless they are young or somebody else is at it.
    private func refresh() async {
        let now = services.time.elapsed()
        let isDue = state.withLock { state in
            guard !state.isBeingMade, state.madeAt.map({ now - $0 >= Self.age }) ?? true else { return false }
            state.isBeingMade = true
            return true
        }
        guard isDue else { return }
        let figures = await read()
        state.withLock { state in
            if let figures { state.figures = figures }
            state.madeAt = now
            state.isBeingMade = false
        }
    }

    /// Nil when the catalog does not answer: the figures before stay.
    private func read() async -> [Figures]? {
        let store = services.store
        do {
            var progress: [Substring: [Int: ProgressRecord]] = [:]
            for (key, record) in try await store.all(under: TransferKeys.progress, as: ProgressRecord.self) {
                let parts = key.text.split(separator: "/")
                guard parts.count == 4, let number = Int(parts[3]) else { continue }
                progress[parts[2], default: [:]][number] = record
            }
            var settled: [Substring: Int] = [:]
            for (key, record) in try await store.all(under: TransferKeys.settled, as: SettledRecord.self) {
                let parts = key.text.split(separator: "/")
                if parts.count == 4 { settled[parts[2], default: 0] += record.count }
            }
            var figures: [Figures] = []
            for (key, record) in try await store.all(under: TransferKeys.streams, as: StreamTasksRecord.self) {
                let id = StreamID(String(key.text.dropFirst(TransferKeys.streams.text.count)))
                guard let stream = try await services.streams.describe(id) else { continue }
                for member in record.tasks {
                    let positions = progress[member.id[...]] ?? [:]
                    var lag = TransferLag()
                    for partition in stream.partitions {
                        lag =
                            await lag
                            + reader.lag(
                                in: PartitionID(stream: id, number: partition.number),
                                from: SequenceNumber(positions[partition.number.value]?.next ?? 0))
                    }
                    figures.append(
                        Figures(
                            labels: TransferMetrics.labels(
                                project: record.project, stream: stream.name.text, task: member.name),
                            lag: lag,
                            parked: positions.values.reduce(0) { $0 + $1.parked } - settled[member.id[...], default: 0])
                    )
                }
            }
            return figures
        } catch {
            services.logger.debug("the lag of transfer tasks could not be read", ["error": "\(error)"])
            return nil
        }
    }
}

internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluiceLog
internal import SluiceTesting
internal import Synchronization

/// Everything that outlives a process: catalog, disk, objects, and what clients have been told.
package final class SimulatedWorld: Sendable {
    /// A record that a client was told is stored.
    struct Acknowledgement: Sendable {
        let partition: Int
        let number: Int64
        let record: String
    }

    private struct State {
        var hostility: Hostility
        var front: SimulatedProcess?
        var acknowledged: [Acknowledgement] = []
        var hasFailedSyncs = false
        var overtaken: [String: DeliveryVerdict.Place] = [:]
        var isStoreHonest = false
    }

    package let time: SimulationTime
    package let numbers: SharedNumbers
    let catalog = MemoryCatalog()
    let disk: SimulatedDisk
    let bucket: SimulatedBucket
    let bug: PlantedBug?
    let project: ProjectID
    /// Tells what happens to whoever traces a run.
    let logger: Logger
    private let state: Mutex<State>

    /// - Parameter trace: gets a line for whatever happens.
    package init(
        seed: UInt64, bug: PlantedBug? = nil, hostility: Hostility = Hostility(),
        trace: (@Sendable (String) -> Void)? = nil
    ) throws {
        let time = SimulationTime()
        self.time = time
        logger = trace.map { Logger(label: "", level: .trace, output: TraceOutput(time: time, write: $0)) } ?? .silent
        guard let project = ProjectID("p1") else { throw SimulationFailure("p1 cannot be a project") }
        self.project = project
        numbers = SharedNumbers(seed: seed)
        disk = SimulatedDisk(seed: seed ^ 0xD15C)
        bucket = SimulatedBucket(time: time)
        self.bug = bug
        state = Mutex(State(hostility: hostility))
        calmDisk()
    }

    var hostility: Hostility {
        get { state.withLock(\.hostility) }
        set { state.withLock { $0.hostility = newValue } }
    }

    /// The process that clients reach: the youngest that has come up.
    var front: SimulatedProcess? { state.withLock(\.front) }

    func come(_ process: SimulatedProcess) {
        state.withLock { state in
            if let front = state.front, front.life.number > process.life.number { return }
            state.front = process
        }
    }

    var acknowledged: [Acknowledgement] { state.withLock(\.acknowledged) }
    func acknowledge(_ record: Acknowledgement) { state.withLock { $0.acknowledged.append(record) } }

    /// Whether the disk has failed to sync, after which the log may refuse to start.
    var hasFailedSyncs: Bool { state.withLock(\.hasFailedSyncs) }

    /// What retention has removed, or tried to.
    var overtaken: [String: DeliveryVerdict.Place] { state.withLock(\.overtaken) }
    func overtake(_ records: [String: DeliveryVerdict.Place]) {
        state.withLock { $0.overtaken.merge(records) { $1 } }
    }

    /// Whether the store fails and dies, but shows all that it has as it is.
    var isStoreHonest: Bool {
        get { state.withLock(\.isStoreHonest) }
        set { state.withLock { $0.isStoreHonest = newValue } }
    }

    /// All objects of the store.
    package var objects: [String: [UInt8]] { bucket.objects }

    // MARK: The disk

    /// The disk's faults without those of the weather.
    private func plantedFaults(atStart isStart: Bool = false) -> SimulatedDisk.Faults {
        var faults = SimulatedDisk.Faults()
        faults.skipsSyncs = bug == .acknowledgedBeforeSync || bug == .startWithoutSync && isStart
        return faults
    }

    /// Runs the start of a log, which may be one that does not sync.
    func starting<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        guard bug == .startWithoutSync else { return try body() }
        disk.setFaults(plantedFaults(atStart: true))
        defer { disk.setFaults(plantedFaults()) }
        return try body()
    }

    func calmDisk() {
        disk.setFaults(plantedFaults())
        disk.setCapacity(.gibibytes(1))
    }

    /// Another weather for the disk: full, failing syncs and writes, or fine.
    func stirDisk() {
        calmDisk()
        logger.info("the disk is fine")
        guard numbers.chance(hostility.disk) else { return }
        switch numbers.below(3) {
        case 0:
            logger.info("the disk is full")
            disk.setCapacity(disk.usedSpace + .kibibytes(numbers.below(100)))
        default:
            logger.info("the disk fails")
            state.withLock { $0.hasFailedSyncs = true }
            var faults = plantedFaults()
            faults.shortWrite = 0.1
            faults.writeError = 0.05
            faults.syncError = 0.05
            faults.directorySyncError = 0.05
            disk.setFaults(faults)
        }
    }
}

/// Log lines with the time of the simulation.
private struct TraceOutput: LogOutput {
    let time: SimulationTime
    let write: @Sendable (String) -> Void

    func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        let details = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        write("\(time.elapsed()) \(level.name) \(message)\(details)")
    }
}

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
        let stream: StreamID
        let place: RecordPlace
        let record: String
    }

    private struct State {
        var hostility: Hostility
        var front: SimulatedProcess?
        var acknowledged: [Acknowledgement] = []
        var hasFailedSyncs = false
        var isStoreHonest = false
        var hasLateWrites = true
        var madeStreams: Set<Int> = []
        var sent: [String: [UInt8]] = [:]
        var lost: [StreamContents.Record] = []
        var trims: [PartitionID: SequenceNumber] = [:]
    }

    package let time: SimulationTime
    package let numbers: SharedNumbers
    private let catalog: SimulatedCatalogStore
    let disk: SimulatedDisk
    private let buckets: [String: SimulatedBucket]
    /// What the catalog has been told of tasks.
    let history = TaskHistory()
    let bug: PlantedBug?
    let project: ProjectID
    /// Tells what happens to whoever traces a run.
    let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - catalogFolder: where the catalog keeps its files; nil keeps it in memory.
    ///   - trace: gets a line for whatever happens.
    package init(
        seed: UInt64, bug: PlantedBug? = nil, hostility: Hostility = Hostility(), catalogFolder: String? = nil,
        trace: (@Sendable (String) -> Void)? = nil
    ) throws {
        let time = SimulationTime()
        self.time = time
        logger = trace.map { Logger(label: "", level: .trace, output: TraceOutput(time: time, write: $0)) } ?? .silent
        guard let project = ProjectID("p1") else { throw SimulationFailure("p1 cannot be a project") }
        self.project = project
        numbers = SharedNumbers(seed: seed)
        disk = SimulatedDisk(seed: seed ^ 0xD15C)
        buckets = Dictionary(uniqueKeysWithValues: PlannedForm.buckets.map { ($0, SimulatedBucket(time: time)) })
        self.bug = bug
        catalog = SimulatedCatalogStore(folder: catalogFolder)
        state = Mutex(State(hostility: hostility))
        calmDisk()
    }

    /// The catalog as a process finds it when it starts.
    ///
    /// - Parameter isShared: whether others may still work with it.
    func openCatalog(isShared: Bool) async throws -> any Catalog { try catalog.open(isShared: isShared) }

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

    // MARK: Records

    /// What clients have tried to put, by its name.
    func sent(_ name: String) -> [UInt8]? { state.withLock { $0.sent[name] } }
    func send(_ name: String, _ data: [UInt8]) { state.withLock { $0.sent[name] = data } }

    /// Records that the log had and was about to remove.
    var lost: [StreamContents.Record] { state.withLock(\.lost) }
    func lose(_ records: [StreamContents.Record]) { state.withLock { $0.lost += records } }

    /// Notes that retention removes records, or tries to.
    func noteTrim(of partition: PartitionID, before first: SequenceNumber) {
        state.withLock { $0.trims[partition] = max(first, $0.trims[partition] ?? first) }
    }

    func isTrimmed(_ place: RecordPlace, of stream: StreamID) -> Bool {
        let partition = PartitionID(stream: stream, number: PartitionNumber(place.partition))
        return state.withLock { $0.trims[partition].map { place.number < $0.value } ?? false }
    }

    /// Whether clients have made the stream once; others may make it again from then on.
    func hasMade(_ stream: Int) -> Bool { state.withLock { $0.madeStreams.contains(stream) } }
    func noteMade(_ stream: Int) { state.withLock { _ = $0.madeStreams.insert(stream) } }

    // MARK: The store

    /// Whether the store may carry out a request long after its writer has given up. Not where tasks are deleted and made
    /// again: such a request can overwrite what a successor of the same names has delivered meanwhile.
    var hasLateWrites: Bool {
        get { state.withLock(\.hasLateWrites) }
        set { state.withLock { $0.hasLateWrites = newValue } }
    }

    /// Whether the store fails and dies, but shows all that it has as it is.
    var isStoreHonest: Bool {
        get { state.withLock(\.isStoreHonest) }
        set { state.withLock { $0.isStoreHonest = newValue } }
    }

    /// All objects of the store by bucket and key.
    var objects: [String: [UInt8]] {
        var objects: [String: [UInt8]] = [:]
        for (name, bucket) in buckets {
            for (key, bytes) in bucket.objects { objects[Self.objectName(bucket: name, key: key)] = bytes }
        }
        return objects
    }

    static func objectName(bucket: String, key: String) -> String { "\(bucket)/\(key)" }

    /// The key of an object that `objectName` has named.
    static func key(in name: String) -> String { String(name.drop { $0 != "/" }.dropFirst()) }

    func object(_ name: String) -> [UInt8]? { buckets[String(name.prefix { $0 != "/" })]?.objects[Self.key(in: name)] }

    func bucket(_ name: String) -> SimulatedBucket? { buckets[name] }

    /// Lets the store refuse for a while, as it does until a person mends it.
    func stirStore() {
        guard numbers.chance(25) else { return }
        for name in PlannedForm.buckets where numbers.chance(60) {
            logger.info("a bucket refuses", ["bucket": name])
            buckets[name]?.refuse(isGone: numbers.chance(50), for: .milliseconds(500 + numbers.below(5000)))
        }
    }

    /// Ends all that misbehaves.
    func calm() {
        hostility = .none
        calmDisk()
        for bucket in buckets.values { bucket.refuse(isGone: false, for: .zero) }
    }

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

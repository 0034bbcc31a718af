package import SluiceCore
internal import Synchronization

/// Files in memory that behave as badly as a real disk may, decided by a seed.
///
/// What was not synced is lost at a crash sector by sector (512 bytes), each of them in any of the versions written
/// since the last sync; names that were not synced fall back to a state between then and now. After a failed sync the
/// system believes the bytes written although the disk may have the old ones, as kernels do.
package final class SimulatedDisk: FileSystem {
    /// Chances of a call going wrong, 0 to 1 each.
    package struct Faults: Sendable {
        package var shortWrite = 0.0
        package var writeError = 0.0
        package var syncError = 0.0
        package var directorySyncError = 0.0
        /// Whether syncs answer at once and make nothing durable.
        package var skipsSyncs = false

        package init() {}
    }

    static let sectorSize = 512
    static let pageSize = 4096

    private let state: Mutex<SimulatedDiskState>

    /// - Parameter capacity: bytes until the disk is full, counted in pages.
    package init(seed: UInt64, capacity: ByteCount = .gibibytes(1)) {
        state = Mutex(SimulatedDiskState(random: SeededRandom(seed: seed), capacity: capacity.bytes))
    }

    // MARK: - Faults

    package func setFaults(_ faults: Faults) { state.withLock { $0.faults = faults } }

    package func setCapacity(_ capacity: ByteCount) { state.withLock { $0.capacity = capacity.bytes } }

    /// Cuts the power in the middle of the call that comes after `operations` more of them; nil takes it back.
    package func cutPower(afterOperations operations: Int?) { state.withLock { $0.operationsLeft = operations } }

    /// Whether the power is cut: every call fails until `restart`.
    package var isOff: Bool { state.withLock(\.isOff) }

    /// Cuts the power, if it is on, and starts again: what was not synced may be lost, open files and locks are gone.
    ///
    /// - Parameter losingUnsynced: false when only the process died and the system kept what it had been given.
    package func restart(losingUnsynced: Bool = true) { state.withLock { $0.restart(losingUnsynced: losingUnsynced) } }

    /// Changes one stored bit, synced or not.
    package func flipBit(of path: String, at offset: Int, bit: Int) throws(FileError) {
        try state.withLock { state throws(FileError) in
            let file = try state.find(path)
            guard offset < state.files[file].bytes.count else {
                throw FileError(.notFound, operation: "flip", path: path)
            }
            state.files[file].bytes[offset] ^= 1 << UInt8(bit & 7)
        }
    }

    /// The whole contents of a file, as it reads now.
    package func contents(of path: String) throws(FileError) -> [UInt8] {
        try state.withLock { state throws(FileError) in state.files[try state.find(path)].bytes }
    }

    /// Puts a file there, durable at once.
    package func put(_ bytes: [UInt8], at path: String) {
        state.withLock { $0.put(bytes, at: path) }
    }

    /// Another disk with the same durable and visible contents and no faults.
    package func copy(seed: UInt64) -> SimulatedDisk {
        let copy = SimulatedDisk(seed: seed)
        let files = state.withLock { state in state.names.mapValues { state.files[$0].bytes } }
        for (path, bytes) in files { copy.put(bytes, at: path) }
        return copy
    }

    /// How many calls have reached the disk.
    package var operations: Int { state.withLock(\.operations) }

    /// Bytes that the files take, holes excluded.
    package var usedSpace: ByteCount { ByteCount(state.withLock(\.used)) }

    // MARK: - FileSystem

    package func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File {
        let (file, generation) = try state.withLock { state throws(FileError) in
            (try state.open(path, access), state.generation)
        }
        return SimulatedFile(disk: self, path: path, file: file, generation: generation)
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        try state.withLock { state throws(FileError) in
            try state.begin("list", directory)
            return state.names.keys.filter { $0.hasPrefix(directory + "/") }
                .map { String($0.dropFirst(directory.count + 1)) }.filter { !$0.contains("/") }.sorted()
        }
    }

    package func makeDirectory(_ path: String) throws(FileError) {
        try state.withLock { state throws(FileError) in try state.begin("mkdir", path) }
    }

    package func rename(_ path: String, to target: String) throws(FileError) {
        try state.withLock { state throws(FileError) in try state.rename(path, to: target) }
    }

    package func remove(_ path: String) throws(FileError) {
        try state.withLock { state throws(FileError) in try state.remove(path) }
    }

    package func synchronizeDirectory(_ path: String) throws(FileError) {
        try state.withLock { state throws(FileError) in try state.synchronizeNames(path) }
    }

    package func lock(_ path: String) throws(FileError) -> any FileLock {
        let generation = try state.withLock { state throws(FileError) in
            try state.begin("flock", path)
            guard state.locks.insert(path).inserted else { throw FileError(.locked, operation: "flock", path: path) }
            return state.generation
        }
        return SimulatedLock(disk: self, path: path, generation: generation)
    }

    // MARK: - For open files and locks

    fileprivate func unlock(_ path: String, generation: Int) {
        state.withLock { if $0.generation == generation { $0.locks.remove(path) } }
    }

    fileprivate func close(_ file: Int, generation: Int) {
        state.withLock { if $0.generation == generation { $0.close(file) } }
    }

    fileprivate func with<Value>(
        _ handle: SimulatedFile, _ operation: String,
        _ body: (inout SimulatedDiskState, Int) throws(FileError) -> sending Value
    ) throws(FileError) -> sending Value {
        try state.withLock { state throws(FileError) in
            guard state.generation == handle.generation else {
                throw FileError(.inputOutput, operation: operation, path: handle.path)
            }
            return try body(&state, handle.file)
        }
    }
}

private final class SimulatedLock: FileLock {
    private let disk: SimulatedDisk
    private let path: String
    private let generation: Int

    init(disk: SimulatedDisk, path: String, generation: Int) {
        self.disk = disk
        self.path = path
        self.generation = generation
    }

    deinit { release() }

    func release() { disk.unlock(path, generation: generation) }
}

private final class SimulatedFile: File {
    let path: String
    fileprivate let file: Int
    fileprivate let generation: Int
    private let disk: SimulatedDisk

    init(disk: SimulatedDisk, path: String, file: Int, generation: Int) {
        self.disk = disk
        self.path = path
        self.file = file
        self.generation = generation
    }

    deinit { disk.close(file, generation: generation) }

    func read(into buffers: [UnsafeMutableRawBufferPointer], at offset: Int) throws(FileError) -> Int {
        let length = unsafe buffers.reduce(0) { $0 + $1.count }
        let bytes = try disk.with(self, "read") { state, file throws(FileError) in
            try state.begin("read", path)
            let contents = state.files[file].bytes
            return Array(contents[min(offset, contents.count)..<min(offset + length, contents.count)])
        }
        var taken = 0
        for index in unsafe buffers.indices {
            let count = unsafe min(buffers[index].count, bytes.count - taken)
            unsafe buffers[index].copyBytes(from: bytes[taken..<taken + count])
            taken += count
        }
        return taken
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) -> Int {
        var bytes: [UInt8] = []
        for index in unsafe buffers.indices { unsafe bytes.append(contentsOf: buffers[index]) }
        let whole = bytes
        return try disk.with(self, "write") { state, file throws(FileError) in
            try state.write(whole, to: file, path, at: offset)
        }
    }

    func synchronize() throws(FileError) {
        try disk.with(self, "sync") { state, file throws(FileError) in try state.synchronize(file, path) }
    }

    func allocate(_ range: Range<Int>) throws(FileError) {
        try disk.with(self, "allocate") { state, file throws(FileError) in
            try state.begin("allocate", path)
            try state.takePages(of: range, in: file, path)
            state.resize(file, to: max(state.files[file].bytes.count, range.upperBound))
        }
    }

    func punchHole(_ range: Range<Int>) throws(FileError) {
        try disk.with(self, "punch") { state, file throws(FileError) in try state.punch(range, of: file, path) }
    }

    func truncate(to size: Int) throws(FileError) {
        try disk.with(self, "truncate") { state, file throws(FileError) in
            try state.begin("truncate", path)
            state.resize(file, to: size)
        }
    }

    func size() throws(FileError) -> Int {
        try disk.with(self, "stat") { state, file throws(FileError) in
            try state.begin("stat", path)
            return state.files[file].bytes.count
        }
    }
}

internal import SluiceCore
internal import Synchronization

/// The folder of a log: its names, the files that are open, new segments and spare ones.
final class LogFiles: Sendable {
    /// A segment that rounds are written into.
    struct ActiveSegment: Sendable {
        var file: any File
        var id: UInt64
        var salt: UInt64
        var end: Int
        var capacity: Int
        var lastRound: UInt32
    }

    struct Spare: Sendable, Equatable {
        var name: String
        var size: Int
    }

    private struct State {
        var nextSegment: UInt64 = 1
        var nextSpare: UInt64 = 1
        var spares: [Spare] = []
        /// A segment file that was begun and is not known to be durable or gone; nothing may be written before it is.
        var unfinished: String?
        var open: [String: any File] = [:]
        var openOrder: [String] = []
    }

    /// Segment files kept open for readers.
    private static let openLimit = 64
    /// A spare segment is synced piece by piece, so that a round's sync never waits for all of it.
    private static let spareStep = 4 << 20
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)

    let directory: String
    let fileSystem: any FileSystem
    private let configuration: LogConfiguration
    private let time: any TimeSource
    private let state = Mutex(State())

    init(
        directory: String, fileSystem: any FileSystem, configuration: LogConfiguration, time: any TimeSource
    ) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.configuration = configuration
        self.time = time
    }

    func path(_ name: String) -> String { directory + "/" + name }
    func segmentPath(_ id: UInt64) -> String { path(SegmentName.stem(id) + SegmentName.segmentSuffix) }
    func indexPath(_ id: UInt64) -> String { path(SegmentName.stem(id) + SegmentName.indexSuffix) }

    /// Numbers up to this one are taken.
    func reserveNumbers(through id: UInt64) {
        state.withLock { $0.nextSegment = max($0.nextSegment, id + 1) }
    }

    /// Numbers up to this one are taken by spares.
    func reserveSpareNumbers(through id: UInt64) {
        state.withLock { $0.nextSpare = max($0.nextSpare, id + 1) }
    }

    private func nextSpareName() -> String {
        let number = state.withLock { state in
            defer { state.nextSpare += 1 }
            return state.nextSpare
        }
        return SegmentName.stem(number) + SegmentName.spareSuffix
    }

    func addSpare(_ spare: Spare) { state.withLock { $0.spares.append(spare) } }

    var spares: [Spare] { state.withLock(\.spares) }

    // MARK: - New segments

    /// Makes the next segment with its header and table of partitions, durable when this returns.
    func beginSegment(
        after previous: UInt64, endingAt previousEnd: Int, table: ControlEntry, minimum: Int
    ) throws(FileError) -> ActiveSegment {
        try removeUnfinished()
        // Numbers are dense: recovery knows by them whether a segment is missing.
        let id = state.withLock(\.nextSegment)
        let salt = configuration.random()
        var entry = LogRound.Entry(control: table)
        entry.header.segment = id
        entry.header.salt = salt
        let end = SegmentHeader.size + entry.header.totalLength
        let needed = end + minimum + LogConfiguration.reserve
        guard needed <= Int(UInt32.max) else {
            throw FileError(.unsupported, operation: "begin a segment of \(needed) bytes", path: segmentPath(id))
        }
        state.withLock { $0.unfinished = segmentPath(id) }
        do throws(FileError) {
            let file = try takeFile(segmentPath(id), atLeast: needed, isFirst: previous == 0)
            let capacity = try file.size()
            var bytes = SegmentHeader(
                segment: id, salt: salt, previous: previous, previousEnd: previousEnd, created: time.now(),
                capacity: capacity
            ).encoded()
            entry.header.encode(into: &bytes)
            bytes += entry.payload
            bytes += [UInt8](repeating: 0, count: end - bytes.count)
            try file.writeAll(bytes, at: 0)
            try file.synchronize()
            try fileSystem.synchronizeDirectory(directory)
            state.withLock { state in
                state.unfinished = nil
                state.nextSegment = id + 1
            }
            return ActiveSegment(file: file, id: id, salt: salt, end: end, capacity: capacity, lastRound: 0)
        } catch {
            do throws(FileError) {
                try removeUnfinished()
            } catch {
                // It stays noted as unfinished and is removed before anything else is written.
            }
            throw error
        }
    }

    /// Makes sure that a segment whose beginning failed will not be found after a crash.
    func removeUnfinished() throws(FileError) {
        guard let path = state.withLock(\.unfinished) else { return }
        do throws(FileError) {
            try fileSystem.remove(path)
        } catch {
            if error.code != .notFound { throw error }
        }
        try fileSystem.synchronizeDirectory(directory)
        state.withLock { $0.unfinished = nil }
    }

    private func takeFile(_ path: String, atLeast needed: Int, isFirst: Bool) throws(FileError) -> any File {
        let spare: Spare? = state.withLock { state in
            guard let index = state.spares.firstIndex(where: { $0.size >= needed }) else { return nil }
            return state.spares.remove(at: index)
        }
        if let spare {
            do throws(FileError) {
                try fileSystem.rename(self.path(spare.name), to: path)
            } catch {
                addSpare(spare)
                throw error
            }
            return try fileSystem.open(path, .readWrite)
        }
        let file = try fileSystem.open(path, .create)
        if isFirst {
            try fillWithZeros(file, pages(max(needed, configuration.firstSegmentSize.bytes)))
        } else {
            try reserve(file, pages(max(needed, configuration.segmentSize.bytes)))
        }
        // Its length is durable before its header is: a file shorter than its header says has been cut.
        try file.synchronize()
        return file
    }

    /// The whole pages inside a range: what a hole can give back of it.
    static func pages(within range: Range<Int>) -> Range<Int> {
        let first = (range.lowerBound + 4095) / 4096 * 4096
        return first..<max(first, range.upperBound / 4096 * 4096)
    }

    /// Notes the holes in a segment's index, durably, then gives the space of their whole pages back.
    ///
    /// - Parameter index: as the index file is now, which may name more holes than are known in memory after a failure.
    func punch(_ holes: [Range<Int>], into index: IndexFile) throws(FileError) {
        let path = indexPath(index.segment)
        let old = try fileSystem.open(path, .read)
        let bytes = IndexFile.bytes(try old.read(0..<old.size()), of: index, withHoles: holes)
        try fileSystem.replace(path, in: directory, with: bytes)
        forget(path)
        let file = try fileSystem.open(segmentPath(index.segment), .readWrite)
        for hole in holes { try file.punchHole(Self.pages(within: hole)) }
    }

    private func pages(_ size: Int) -> Int { (size + 4095) / 4096 * 4096 }

    private func reserve(_ file: any File, _ size: Int) throws(FileError) {
        do throws(FileError) {
            try file.allocate(0..<size)
        } catch {
            guard error.code == .unsupported else { throw error }
            try fillWithZeros(file, size)
        }
    }

    private func fillWithZeros(
        _ file: any File, _ size: Int, syncingEvery step: Int = .max
    ) throws(FileError) {
        var offset = 0
        while offset < size {
            if offset > 0, offset % step == 0 { try file.synchronize() }
            let count = min(Self.zeros.count, size - offset)
            try file.writeAll(count == Self.zeros.count ? Self.zeros : Array(Self.zeros[..<count]), at: offset)
            offset += count
        }
    }

    // MARK: - Spare segments

    /// Writes one spare segment full of zeros, so that syncs into it are as fast as the disk can.
    func prepareSpare() throws(FileError) {
        let name = nextSpareName()
        let size = pages(configuration.segmentSize.bytes)
        do throws(FileError) {
            let file = try fileSystem.open(path(name), .create)
            try reserve(file, size)
            try fillWithZeros(file, size, syncingEvery: Self.spareStep)
            try file.synchronize()
        } catch {
            do throws(FileError) {
                try fileSystem.remove(path(name))
            } catch {
                // It is found at the next start and counted as a spare, which is all it is.
            }
            throw error
        }
        addSpare(Spare(name: name, size: size))
    }

    /// Takes a segment's files away for good, keeping the segment's space as a spare when there is room for one.
    ///
    /// - Parameter hasHoles: then its space is not as good as written space, and it is not kept.
    func retireSegment(_ id: UInt64, hasHoles: Bool) throws(FileError) {
        forget(segmentPath(id))
        forget(indexPath(id))
        let size = try fileSystem.open(segmentPath(id), .read).size()
        let isKept =
            !hasHoles && size >= configuration.segmentSize.bytes && spares.count < configuration.sparesLimit
        let name = nextSpareName()
        // The segment goes before its index: one with holes cannot be read without it.
        if isKept {
            try fileSystem.rename(segmentPath(id), to: path(name))
        } else {
            try fileSystem.remove(segmentPath(id))
        }
        do throws(FileError) {
            try fileSystem.remove(indexPath(id))
        } catch {
            if error.code != .notFound { throw error }
        }
        // Before the space is written again, no crash may bring the old name back.
        try fileSystem.synchronizeDirectory(directory)
        if isKept { addSpare(Spare(name: name, size: size)) }
    }

    // MARK: - Open files

    /// A file for reading, opened now or kept from before.
    func reading(_ path: String) throws(FileError) -> any File {
        if let file = state.withLock({ $0.open[path] }) { return file }
        let file = try fileSystem.open(path, .read)
        state.withLock { state in
            guard state.open[path] == nil else { return }
            state.open[path] = file
            state.openOrder.append(path)
            if state.openOrder.count > Self.openLimit { state.open[state.openOrder.removeFirst()] = nil }
        }
        return file
    }

    /// Closes a file once its readers are done.
    func forget(_ path: String) {
        state.withLock { state in
            state.open[path] = nil
            state.openOrder.removeAll { $0 == path }
        }
    }
}

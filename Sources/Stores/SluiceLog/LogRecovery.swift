internal import Observability
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// Opens a folder: finds out what is durable, makes torn bytes void, and refuses where durable bytes have changed.
///
/// Only the newest segment is scanned; sealed ones have an index. Only one round is ever unsynced, so a valid batch
/// whose round began behind the first damaged byte proves that this byte had been synced: then the log refuses.
struct LogRecovery {
    struct Opened {
        var shared: LogShared
        var lock: any FileLock
        var active: LogFiles.ActiveSegment
        var report: LocalLog.Recovery
    }

    /// The segment that the log goes on in.
    private struct Newest {
        var header: SegmentHeader
        var active: LogFiles.ActiveSegment
        var found: LogState.FoundSegment
        var table: PartitionTable
    }

    private let shared: LogShared
    private var files: LogFiles { shared.files }
    private var fileSystem: any FileSystem { shared.files.fileSystem }
    private var report = LocalLog.Recovery()

    init(_ shared: LogShared) {
        self.shared = shared
    }

    mutating func open() throws(RecordLogError) -> Opened {
        do {
            return try recover()
        } catch let error as RecordLogError {
            throw error
        } catch let error as FileError where error.code == .locked {
            throw RecordLogError(.unavailable, "\(files.directory) is in use by another log")
        } catch {
            throw RecordLogError(.unavailable, "\(files.directory) cannot be opened: \(error)")
        }
    }

    private mutating func recover() throws -> Opened {
        try fileSystem.makeDirectory(files.directory)
        let lock = try fileSystem.lock(files.path("lock"))
        var ids = try listSegments()
        var newest: Newest?
        while newest == nil, let id = ids.popLast() {
            newest = try recoverNewest(id, hasPrevious: id == 1 || ids.last == id - 1)
        }
        let active: LogFiles.ActiveSegment
        if let newest {
            active = newest.active
            var following: SegmentHeader? = newest.header
            var sealed: [LogState.FoundSegment] = []
            for id in ids.reversed() {
                let (found, header) = try findSealed(id, before: following)
                sealed.append(found)
                following = header
            }
            let found = sealed.reversed() + [newest.found]
            let table = newest.table
            shared.state.withLock { state in
                state.table = table
                for segment in found { state.add(segment) }
            }
        } else {
            active = try files.beginSegment(after: 0, endingAt: 0, table: .table(nextHandle: 1, []), minimum: 0)
            shared.sealActive(at: 0, lastRound: 0, beginning: active)
        }
        report.end = active.end
        report.segments = ids.count + 1
        shared.logger.info(
            "opened the log",
            [
                "segments": "\(report.segments)", "scanned_batches": "\(report.scannedBatches)",
                "torn_batches": "\(report.tornBatches)", "rebuilt_indexes": "\(report.rebuiltIndexes)",
            ])
        return Opened(shared: shared, lock: lock, active: active, report: report)
    }

    /// The numbers of the segments there are, ascending; unfinished files are removed, spares noted.
    private func listSegments() throws -> [UInt64] {
        let names = try fileSystem.list(files.directory)
        let ids = names.compactMap { SegmentName.number(in: $0, suffix: SegmentName.segmentSuffix) }
        let known = Set(ids)
        for name in names {
            if let id = SegmentName.number(in: name, suffix: SegmentName.spareSuffix) {
                files.reserveSpareNumbers(through: id)
                let size = try fileSystem.open(files.path(name), .read).size()
                files.addSpare(LogFiles.Spare(name: name, size: size))
            } else if let id = SegmentName.number(in: name, suffix: SegmentName.indexSuffix), !known.contains(id) {
                try fileSystem.remove(files.path(name))
            } else if name.hasSuffix(SegmentName.freshSuffix) {
                try fileSystem.remove(files.path(name))
            }
        }
        return ids.sorted()
    }

    // MARK: - The newest segment

    /// Reads the segment that was active last; nil when its beginning never became durable, and it is gone then.
    ///
    /// - Parameter hasPrevious: whether the segment before it is there, as it is until this one has become durable.
    private mutating func recoverNewest(_ id: UInt64, hasPrevious: Bool) throws -> Newest? {
        let path = files.segmentPath(id)
        let file = try fileSystem.open(path, .readWrite)
        var scanner = SegmentScanner(file)
        guard let header = try scanner.header(of: id) else {
            try discard(id, scanner.remains(after: 0, of: id, salt: nil), at: 0, hasPrevious: hasPrevious)
            return nil
        }
        var replay = SegmentReplay(path: path)
        let size = try file.size()
        let outcome = try scanner.scan(header, limit: size) { batch, offset, payload in
            try replay.apply(batch, at: offset, payload)
        }
        let remains = try scanner.remains(after: outcome.end, of: id, salt: header.salt)
        guard replay.hasTable else {
            try discard(id, remains, at: outcome.end, hasPrevious: hasPrevious)
            return nil
        }
        if size < header.capacity {
            throw RecordLogError(
                .damaged, "\(path) ends at offset \(size), it was \(header.capacity) bytes long when it was begun")
        }
        files.reserveNumbers(through: id)
        if remains.proofOfDamage != nil { throw Self.damage(path, outcome.end, remains) }
        try makeVoid(remains, from: outcome.end, in: file)
        try makeDurable(outcome.lastRoundStart..<outcome.end, of: file)
        report.scannedBatches = outcome.batches
        report.tornBatches = remains.headers.count
        let index = files.indexPath(id)
        if try fileSystem.exists(index) {
            // The segment goes on, so an index of it would be short of what follows.
            try fileSystem.remove(index)
            try fileSystem.synchronizeDirectory(files.directory)
        }
        let lastRound = max(outcome.lastRound, remains.lastRound)
        return Newest(
            header: header,
            active: LogFiles.ActiveSegment(
                file: file, id: id, salt: header.salt, end: outcome.end, capacity: size, lastRound: lastRound),
            found: LogState.FoundSegment(
                id: id, salt: header.salt, end: outcome.end, fileSize: size, lastRound: lastRound, runs: replay.runs,
                index: nil, isSealed: false),
            table: replay.table)
    }

    private mutating func discard(
        _ id: UInt64, _ remains: SegmentScanner.Remains, at offset: Int, hasPrevious: Bool
    ) throws {
        let path = files.segmentPath(id)
        if remains.proofOfDamage != nil || !hasPrevious { throw Self.damage(path, offset, remains) }
        try fileSystem.remove(path)
        try fileSystem.synchronizeDirectory(files.directory)
        report.discardedSegments += 1
        shared.logger.warning("removed a segment that had not been begun completely", ["file": path])
    }

    private static func damage(_ path: String, _ offset: Int, _ remains: SegmentScanner.Remains) -> RecordLogError {
        RecordLogError(
            .damaged,
            "\(path) is damaged at offset \(offset)"
                + (remains.proofOfDamage.map { ", the batch at \($0) was synced later" } ?? "")
                + ". Restore the file from a copy, or move the folder away to start empty")
    }

    /// Overwrites the headers of a torn round, so that they cannot confuse any later reader.
    private func makeVoid(_ remains: SegmentScanner.Remains, from end: Int, in file: any File) throws {
        if remains.headers.isEmpty { return }
        for offset in remains.headers {
            try file.writeAll([UInt8](repeating: 0, count: BatchHeader.size), at: offset)
        }
        try file.synchronize()
        shared.logger.info(
            "made a torn round void", ["offset": "\(end)", "batches": "\(remains.headers.count)"])
    }

    /// Makes sure that the last round, which readers will see now, outlasts the system. The process that wrote it may
    /// have died before its sync, or after one that failed; then the system may not write it unless it is written again.
    private func makeDurable(_ range: Range<Int>, of file: any File) throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let bytes = try file.read(offset..<min(range.upperBound, offset + Self.rewrittenAtOnce))
            try file.writeAll(bytes, at: offset)
            offset += max(1, bytes.count)
        }
        try file.synchronize()
        try fileSystem.synchronizeDirectory(files.directory)
    }

    private static let rewrittenAtOnce = 1 << 20

    // MARK: - Sealed segments

    /// A sealed segment by its index, or by a scan where that is missing; its header only when it was scanned.
    private mutating func findSealed(
        _ id: UInt64, before following: SegmentHeader?
    ) throws -> (LogState.FoundSegment, SegmentHeader?) {
        let file = try fileSystem.open(files.segmentPath(id), .read)
        let size = try file.size()
        var index = try readIndex(id)
        var scanner = SegmentScanner(file)
        let header = try scanner.header(of: id)
        if index == nil || index?.salt != header?.salt {
            index = try rebuildIndex(id, header, &scanner, size: size, before: following)
        }
        guard let index else { throw RecordLogError(.damaged, "\(files.indexPath(id)) cannot be made again") }
        return (
            LogState.FoundSegment(
                id: id, salt: index.salt, end: index.validEnd, fileSize: size, lastRound: index.lastRound, runs: nil,
                index: index, isSealed: true),
            header
        )
    }

    private func readIndex(_ id: UInt64) throws -> IndexFile? {
        let path = files.indexPath(id)
        do throws(FileError) {
            guard let index = try IndexFile.read(from: try fileSystem.open(path, .read)), index.segment == id else {
                return nil
            }
            return index
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private mutating func rebuildIndex(
        _ id: UInt64, _ header: SegmentHeader?, _ scanner: inout SegmentScanner, size: Int,
        before following: SegmentHeader?
    ) throws -> IndexFile? {
        let path = files.segmentPath(id)
        guard let header else { throw RecordLogError(.damaged, "\(path) is damaged at offset 0") }
        var replay = SegmentReplay(path: path)
        let known = following?.previous == id ? following?.previousEnd : nil
        let outcome = try scanner.scan(header, limit: known ?? size) { batch, offset, payload in
            try replay.apply(batch, at: offset, payload)
        }
        if let known {
            if outcome.end != known { throw RecordLogError(.damaged, "\(path) is damaged at offset \(outcome.end)") }
        } else {
            let remains = try scanner.remains(after: outcome.end, of: id, salt: header.salt)
            if remains.proofOfDamage != nil { throw Self.damage(path, outcome.end, remains) }
        }
        let bytes = IndexFile.encoded(
            segment: id, salt: header.salt, validEnd: outcome.end, lastRound: outcome.lastRound, runs: replay.runs)
        try fileSystem.replace(files.indexPath(id), in: files.directory, with: bytes)
        report.rebuiltIndexes += 1
        return try readIndex(id)
    }
}

/// Follows a segment batch by batch: the table of partitions and the runs, with every number checked.
struct SegmentReplay {
    let path: String
    private(set) var hasTable = false
    private(set) var table = PartitionTable()
    private(set) var runs: [UInt64: PartitionRun] = [:]

    /// Whether numbers may jump, as they do where batches of deleted partitions were given back.
    private let allowsGaps: Bool

    init(path: String, allowsGaps: Bool = false) {
        self.path = path
        self.allowsGaps = allowsGaps
    }

    mutating func apply(_ batch: BatchHeader, at offset: Int, _ payload: [UInt8]?) throws(RecordLogError) {
        if let payload {
            guard let entry = ControlEntry(decoding: payload, kind: batch.kind) else {
                throw RecordLogError(.damaged, "\(path) holds an unreadable control entry at offset \(offset)")
            }
            return apply(entry)
        }
        guard let index = table.index(of: batch.handle),
            table[index].next == batch.first || allowsGaps && table[index].next < batch.first
        else {
            throw RecordLogError(
                .damaged, "\(path) holds records at offset \(offset) that do not follow those before them")
        }
        table[index].next = batch.first + Int64(batch.count)
        runs[batch.handle, default: PartitionRun(first: batch.first)].append(batch, at: offset)
    }

    private mutating func apply(_ entry: ControlEntry) {
        switch entry {
        case .table(let nextHandle, let rows):
            hasTable = true
            table.replaceAll(nextHandle: nextHandle, rows)
        case .create(let namings):
            for naming in namings { table.insert(naming.id, handle: naming.handle) }
        case .delete(let handles):
            for handle in handles { table.remove(handle: handle) }
        case .trim(let trims):
            for trim in trims {
                if let index = table.index(of: trim.handle) {
                    table[index].first = max(table[index].first, trim.first)
                }
            }
        }
    }
}

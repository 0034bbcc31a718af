package import SluiceCore
package import SluicePorts

/// Looks at a log's files without changing them, whether the log is open or not.
///
/// Blocks; call it from a thread that may wait. Of a log in use it sees what was durable a moment ago; a round under
/// way shows as the end of the newest segment.
package struct LogInspector: Sendable {
    /// One segment file.
    package struct Segment: Sendable, Equatable {
        package var number: UInt64
        package var path: String
        package var created: Timestamp
        package var fileSize: ByteCount
        /// Where the valid batches end.
        package var end: Int
        package var batches: Int
        package var records: Int
        package var isNewest: Bool
        package var hasIndex: Bool
        package var holes: Int
    }

    /// One batch or control entry of a segment.
    package struct Batch: Sendable, Equatable {
        package enum Content: Sendable, Equatable {
            case records(PartitionID?, first: SequenceNumber, count: Int, timestamps: ClosedRange<Timestamp>)
            /// `create`, `delete`, `trim` or `table`, and how many partitions it names.
            case control(String, partitions: Int)
        }

        package var offset: Int
        package var length: Int
        package var round: UInt32
        package var content: Content
    }

    /// What `verify` has found wrong.
    package struct Finding: Sendable, Equatable, CustomStringConvertible {
        package var path: String
        package var offset: Int
        package var message: String
        package var description: String { "\(path) at offset \(offset): \(message)" }
    }

    /// The result of `verify`.
    package struct Verification: Sendable, Equatable {
        package var segments = 0
        package var batches = 0
        package var records = 0
        package var bytes = ByteCount.zero
        package var findings: [Finding] = []
    }

    private let directory: String
    private let fileSystem: any FileSystem

    /// - Parameter directory: the log's own folder, with the `.seg` files in it.
    package init(directory: String, fileSystem: any FileSystem) {
        self.directory = directory
        self.fileSystem = fileSystem
    }

    /// All segments, oldest first.
    package func segments() throws(RecordLogError) -> [Segment] {
        var found: [Segment] = []
        try forEachSegment { walk, _ in found.append(walk.segment) }
        return found
    }

    /// The batches of one segment in the order of writing; `limit` bounds how many are returned.
    package func batches(of number: UInt64, limit: Int = .max) throws(RecordLogError) -> [Batch] {
        var found: [Batch] = []
        do {
            _ = try walk(number, isNewest: true, following: nil) { batch in
                if found.count < limit { found.append(batch) }
            }
        } catch let error as RecordLogError {
            throw error
        } catch {
            throw RecordLogError(.unavailable, "\(error)")
        }
        return found
    }

    /// Reads every byte and checks checksums, rounds, the numbers of each partition and the indexes.
    package func verify() throws(RecordLogError) -> Verification {
        var result = Verification()
        var ends: [UInt64: Int64] = [:]
        var jumps: [(handle: UInt64, end: Int64, finding: Finding)] = []
        var table = PartitionTable()
        try forEachSegment { walk, findings in
            result.segments += 1
            result.batches += walk.segment.batches
            result.records += walk.segment.records
            result.bytes = result.bytes + ByteCount(walk.segment.end)
            result.findings += findings
            table = walk.table
            for (handle, run) in walk.runs.sorted(by: { $0.key < $1.key }) {
                if let end = ends[handle], end != run.first {
                    let finding = Finding(
                        path: walk.segment.path, offset: Int(run.entries.first?.offset ?? 0),
                        message: "partition \(handle) goes on at \(run.first) after \(end)")
                    if end > run.first {
                        result.findings.append(finding)
                    } else {
                        jumps.append((handle, run.first, finding))
                    }
                }
                ends[handle] = run.next
            }
        }
        // What is missing before a jump was given back when all of it is trimmed or its partition deleted.
        result.findings += jumps.filter { jump in table[handle: jump.handle].map { $0.first < jump.end } ?? false }
            .map(\.finding)
        return result
    }

    // MARK: - Walking

    private struct Walk {
        var segment: Segment
        var runs: [UInt64: PartitionRun]
        /// As it is at the segment's end.
        var table: PartitionTable
    }

    private func path(_ number: UInt64, _ suffix: String) -> String {
        directory + "/" + SegmentName.stem(number) + suffix
    }

    private func forEachSegment(_ visit: (Walk, [Finding]) -> Void) throws(RecordLogError) {
        do {
            let numbers = try fileSystem.list(directory)
                .compactMap { SegmentName.number(in: $0, suffix: SegmentName.segmentSuffix) }.sorted()
            for (index, number) in numbers.enumerated() {
                var following: SegmentHeader?
                if index + 1 < numbers.count {
                    let next = try fileSystem.open(path(numbers[index + 1], SegmentName.segmentSuffix), .read)
                    var scanner = SegmentScanner(next)
                    following = try scanner.header(of: numbers[index + 1])
                }
                let (walk, findings) = try walk(
                    number, isNewest: index + 1 == numbers.count, following: following
                ) { _ in }
                visit(walk, findings)
            }
        } catch let error as RecordLogError {
            throw error
        } catch let error as FileError where error.code == .notFound {
            throw RecordLogError(.unavailable, "\(error.path) is not there; a running server may have removed it")
        } catch {
            throw RecordLogError(.unavailable, "\(error)")
        }
    }

    private func walk(
        _ number: UInt64, isNewest: Bool, following: SegmentHeader?, _ visit: (Batch) -> Void
    ) throws -> (Walk, [Finding]) {
        let path = path(number, SegmentName.segmentSuffix)
        let file = try fileSystem.open(path, .read)
        let size = try file.size()
        var scanner = SegmentScanner(file)
        let index = try readIndex(number)
        var segment = Segment(
            number: number, path: path, created: Timestamp(milliseconds: 0), fileSize: ByteCount(size), end: 0,
            batches: 0, records: 0, isNewest: isNewest, hasIndex: index != nil, holes: index?.holes.count ?? 0)
        guard let header = try scanner.header(of: number) else {
            return (
                Walk(segment: segment, runs: [:], table: PartitionTable()),
                [Finding(path: path, offset: 0, message: "the segment's header is damaged")]
            )
        }
        segment.created = header.created
        let holes = index?.holes ?? []
        var replay = SegmentReplay(path: path, allowsGaps: !holes.isEmpty)
        let known = following?.previous == number ? following?.previousEnd : index?.validEnd
        var records = 0
        let outcome = try scanner.scan(header, limit: known ?? size, holes: holes) {
            batch, offset, payload throws(RecordLogError) in
            try replay.apply(batch, at: offset, payload)
            records += batch.count
            visit(Self.describe(batch, at: offset, payload, replay.table))
        }
        segment.end = outcome.end
        segment.batches = outcome.batches
        segment.records = records
        var findings: [Finding] = []
        if let known, outcome.end != known {
            findings.append(Finding(path: path, offset: outcome.end, message: "valid batches end before \(known)"))
        } else if known == nil {
            let remains = try scanner.remains(after: outcome.end, of: number, salt: header.salt)
            if let proof = remains.proofOfDamage {
                findings.append(
                    Finding(path: path, offset: outcome.end, message: "damaged before the batch at \(proof)"))
            }
        }
        if let index {
            findings += try differences(index, replay.runs, path: self.path(number, SegmentName.indexSuffix))
        }
        return (Walk(segment: segment, runs: replay.runs, table: replay.table), findings)
    }

    private func readIndex(_ number: UInt64) throws -> IndexFile? {
        do throws(FileError) {
            return try IndexFile.read(from: try fileSystem.open(path(number, SegmentName.indexSuffix), .read))
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Where an index file says something else than its segment.
    private func differences(
        _ index: IndexFile, _ runs: [UInt64: PartitionRun], path: String
    ) throws -> [Finding] {
        guard index.holes.isEmpty else { return [] }
        let file = try fileSystem.open(path, .read)
        var findings: [Finding] = []
        if index.summaries.count != runs.count {
            findings.append(
                Finding(
                    path: path, offset: 0,
                    message: "it names \(index.summaries.count) partitions, the segment has \(runs.count)"))
        }
        for summary in index.summaries {
            let entries = try index.entries(of: summary, from: file)
            if entries == nil || entries != runs[summary.handle]?.entries {
                findings.append(
                    Finding(path: path, offset: 0, message: "the entries of partition \(summary.handle) are wrong"))
            }
        }
        return findings
    }

    private static func describe(
        _ batch: BatchHeader, at offset: Int, _ payload: [UInt8]?, _ table: PartitionTable
    ) -> Batch {
        let content: Batch.Content
        if let entry = payload.flatMap({ ControlEntry(decoding: $0, kind: batch.kind) }) {
            content =
                switch entry {
                case .create(let namings): .control("create", partitions: namings.count)
                case .delete(let handles): .control("delete", partitions: handles.count)
                case .trim(let trims): .control("trim", partitions: trims.count)
                case .table(_, let rows): .control("table", partitions: rows.count)
                }
        } else {
            content = .records(
                table[handle: batch.handle]?.id, first: SequenceNumber(batch.first), count: batch.count,
                timestamps: Timestamp(milliseconds: batch.earliest)...Timestamp(milliseconds: batch.latest))
        }
        return Batch(offset: offset, length: batch.totalLength, round: batch.round, content: content)
    }
}

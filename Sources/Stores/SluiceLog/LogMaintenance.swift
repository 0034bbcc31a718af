internal import Observability
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// What tidies up behind the writer: indexes of sealed segments, space of trimmed and deleted records, spare segments.
///
/// Each pass looks at everything and does what is due; a pass that fails is repeated at the next occasion, and nothing
/// but space and the speed of the next start depends on it.
final class LogMaintenance: Sendable {
    private let shared: LogShared
    /// Held during a pass: there is only one at a time.
    private let pass = Mutex(())

    init(_ shared: LogShared) {
        self.shared = shared
    }

    func run() {
        writeIndexes()
        pass.withLock { _ in
            dropOldest()
            retireDead()
            punchDeleted()
            prepareSpare()
            count()
        }
    }

    // MARK: - Indexes

    /// Writes the index of each sealed segment that has none.
    func writeIndexes() {
        pass.withLock { _ in
            while let sealed = nextWithoutIndex() {
                do throws(FileError) {
                    try writeIndex(sealed)
                } catch {
                    return shared.report(error, "the index of a segment could not be written")
                }
            }
        }
    }

    private struct Sealed: Sendable {
        var id: UInt64
        var salt: UInt64
        var end: Int
        var lastRound: UInt32
        var runs: [UInt64: PartitionRun]
    }

    private func nextWithoutIndex() -> Sealed? {
        shared.state.withLock { state in
            for segment in state.segments where segment.isSealed && segment.index == nil {
                return Sealed(
                    id: segment.id, salt: segment.salt, end: segment.end, lastRound: segment.lastRound,
                    runs: segment.runs ?? [:])
            }
            return nil
        }
    }

    private func writeIndex(_ sealed: Sealed) throws(FileError) {
        let bytes = IndexFile.encoded(
            segment: sealed.id, salt: sealed.salt, validEnd: sealed.end, lastRound: sealed.lastRound,
            runs: sealed.runs)
        let path = shared.files.indexPath(sealed.id)
        shared.files.forget(path)
        try shared.files.fileSystem.replace(path, in: shared.files.directory, with: bytes)
        guard let index = try IndexFile.read(from: try shared.files.fileSystem.open(path, .read)) else {
            throw FileError(.inputOutput, operation: "read back", path: path)
        }
        shared.state.withLock { state in
            let segment = state.segment(sealed.id)
            segment?.index = index
            segment?.runs = nil
        }
    }

    // MARK: - Space

    /// Trims what only the oldest segments hold while the log is above its size limit.
    private func dropOldest() {
        guard let limit = shared.configuration.bytesLimit else { return }
        let spares = shared.files.spares.reduce(0) { $0 + $1.size }
        let trims: [LogItem.TrimRequest] = shared.state.withLock { state in
            var bytes = state.segments.reduce(spares) { $0 + $1.diskSize }
            var firsts: [UInt64: Int64] = [:]
            for segment in state.segments where segment.isSealed && bytes > limit.bytes {
                for (handle, next) in segment.ends { firsts[handle] = next }
                bytes -= segment.diskSize
            }
            return firsts.compactMap { handle, first in
                guard let slot = state.table[handle: handle], slot.first < first else { return nil }
                return LogItem.TrimRequest(partition: slot.id, first: SequenceNumber(first), isChecked: false)
            }
        }
        if trims.isEmpty { return }
        shared.metrics.droppedByRetention.increment()
        shared.logger.info("dropping the oldest records, the log is full", ["partitions": "\(trims.count)"])
        shared.submit(LogItem(.trim(trims)) { _ in })
    }

    /// Gives back the segments whose every record is trimmed or deleted.
    private func retireDead() {
        while let dead = takeDead() {
            do throws(FileError) {
                try shared.files.retireSegment(dead.id, hasHoles: dead.hasHoles)
            } catch {
                return shared.report(error, "a segment without records could not be removed")
            }
        }
    }

    private func takeDead() -> (id: UInt64, hasHoles: Bool)? {
        shared.state.withLock { state in
            func isHeld(_ handle: UInt64, _ next: Int64) -> Bool {
                state.table[handle: handle].map { $0.first < next } ?? false
            }
            for (position, segment) in state.segments.enumerated()
            where segment.isSealed && segment.pins == 0 && segment.index != nil {
                if let holder = segment.holder, let range = segment.range(of: holder), isHeld(holder, range.next) {
                    continue
                }
                segment.holder = segment.ends.first { isHeld($0.handle, $0.next) }?.handle
                if segment.holder != nil { continue }
                let dead = (segment.id, segment.index?.holes.isEmpty == false)
                state.segments.remove(at: position)
                state.entriesCache.removeAll(of: dead.0)
                return dead
            }
            return nil
        }
    }

    /// Gives back what deleted partitions hold in segments that others still need.
    private func punchDeleted() {
        while let (index, doomed) = nextToPunch() {
            do throws(FileError) {
                try punch(doomed, of: index.segment)
            } catch {
                // Noted as done all the same: an operation that this disk cannot do is not tried at every pass.
                shared.report(error, "the space of deleted partitions could not be given back")
            }
        }
    }

    /// A segment with runs of deleted partitions that nobody reads, and these runs.
    private func nextToPunch() -> (IndexFile, [RunSummary])? {
        shared.state.withLock { state in
            for segment in state.segments where segment.isSealed && segment.pins == 0 {
                guard let index = segment.index else { continue }
                let doomed = index.summaries.filter {
                    !segment.punched.contains($0.handle) && state.table[handle: $0.handle] == nil
                }
                if doomed.isEmpty { continue }
                segment.punched.formUnion(doomed.map(\.handle))
                return (index, doomed)
            }
            return nil
        }
    }

    private func punch(_ doomed: [RunSummary], of segment: UInt64) throws(FileError) {
        let file = try shared.files.fileSystem.open(shared.files.indexPath(segment), .read)
        // A damaged index is left as it is; the next start makes it again or refuses.
        guard let index = try IndexFile.read(from: file) else { return }
        let holes = try holes(of: doomed, in: index, file)
        if holes.isEmpty { return }
        try shared.files.punch(holes, into: index)
        shared.state.withLock { $0.segment(segment)?.index?.holes = holes }
    }

    /// The holes that a segment has together with those of more runs, neighbours joined.
    private func holes(
        of doomed: [RunSummary], in index: IndexFile, _ file: any File
    ) throws(FileError) -> [Range<Int>] {
        var ranges = index.holes
        for run in doomed {
            // Damaged entries give nothing back; reads and `verify` report them.
            for entry in try index.entries(of: run, from: file) ?? [] { ranges.append(Int(entry.offset)..<entry.end) }
        }
        var joined: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined.filter { !LogFiles.pages(within: $0).isEmpty }
    }

    /// Has one spare ready when segments fill slowly enough that writing everything twice takes nobody's bandwidth.
    private func prepareSpare() {
        let configuration = shared.configuration
        guard configuration.preparesSpare, configuration.sparesLimit > 0, shared.files.spares.isEmpty,
            shared.state.withLock(\.fillsSlowly)
        else { return }
        do throws(FileError) {
            try shared.files.prepareSpare()
        } catch {
            shared.report(error, "no spare segment could be prepared")
        }
    }

    private func count() {
        let spares = shared.files.spares.reduce(0) { $0 + $1.size }
        let (bytes, segments) = shared.state.withLock { state in
            (state.segments.reduce(spares) { $0 + $1.diskSize }, state.segments.count)
        }
        shared.metrics.diskBytes.set(bytes)
        shared.metrics.segments.set(segments)
    }
}

extension LogState {
    /// Segments that fill faster than this are worth more as they come: reserved, not written ahead.
    private static let slowFill = Duration.seconds(2)

    var fillsSlowly: Bool { lastFill.map { $0 >= Self.slowFill } ?? false }
}

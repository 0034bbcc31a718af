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
            var bytes = state.segments.reduce(spares) { $0 + $1.fileSize }
            var firsts: [UInt64: Int64] = [:]
            for segment in state.segments where segment.isSealed && bytes > limit.bytes {
                for (handle, next) in segment.ends { firsts[handle] = next }
                bytes -= segment.fileSize
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
        while let id = takeDead() {
            do throws(FileError) {
                try shared.files.retireSegment(id)
            } catch {
                return shared.report(error, "a segment without records could not be removed")
            }
        }
    }

    private func takeDead() -> UInt64? {
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
                let id = segment.id
                state.segments.remove(at: position)
                state.entriesCache.removeAll(of: id)
                return id
            }
            return nil
        }
    }

    /// Has one spare ready as soon as the log is in use.
    private func prepareSpare() {
        let configuration = shared.configuration
        guard configuration.preparesSpare, configuration.sparesLimit > 0, shared.files.spares.isEmpty,
            shared.state.withLock(\.isInUse)
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
            (state.segments.reduce(spares) { $0 + $1.fileSize }, state.segments.count)
        }
        shared.metrics.diskBytes.set(bytes)
        shared.metrics.segments.set(segments)
    }
}

extension LogState {
    /// Bytes in the active segment from which on a spare one is worth its space.
    private static let useBeforeSpare = 1 << 20

    var isInUse: Bool { (segments.last?.end ?? 0) > Self.useBeforeSpare || segments.count > 1 }
}

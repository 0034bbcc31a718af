internal import SluicePorts

/// The newest batches' bytes, shared with whoever appended them, so that readers at the tail do no I/O.
struct TailCache {
    struct Place: Comparable {
        var segment: UInt64
        var offset: UInt32

        static func < (left: Self, right: Self) -> Bool {
            (left.segment, left.offset) < (right.segment, right.offset)
        }
    }

    private struct Cached {
        var place: Place
        /// Nil once it has been forgotten.
        var batch: RecordBatch?
    }

    /// Bookkeeping that each batch costs besides its bytes.
    private static let overhead = 128

    private let limit: Int
    /// In the order of writing, which is that of their places; those before `oldest` are forgotten.
    private var batches: [Cached] = []
    private var oldest = 0
    private(set) var bytes = 0

    /// - Parameter limit: bytes held at most; 0 turns the cache off.
    init(limit: Int) {
        self.limit = limit
    }

    subscript(place: Place) -> RecordBatch? {
        var low = oldest
        var high = batches.count
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].place < place { low = middle + 1 } else { high = middle }
        }
        return low < batches.count && batches[low].place == place ? batches[low].batch : nil
    }

    /// - Parameter place: behind all that were given before.
    mutating func insert(_ batch: RecordBatch, at place: Place) {
        let size = batch.bytes.capacity + Self.overhead
        guard size <= limit else { return }
        while bytes + size > limit, oldest < batches.count { removeOldest() }
        batches.append(Cached(place: place, batch: batch))
        bytes += size
    }

    private mutating func removeOldest() {
        if let gone = batches[oldest].batch { bytes -= gone.bytes.capacity + Self.overhead }
        batches[oldest].batch = nil
        oldest += 1
        if oldest >= 1024, oldest * 2 > batches.count {
            batches.removeFirst(oldest)
            oldest = 0
        }
    }
}

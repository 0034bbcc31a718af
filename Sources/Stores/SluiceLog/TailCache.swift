internal import SluicePorts

/// The newest batches' bytes, shared with whoever appended them, so that readers at the tail do no I/O.
struct TailCache {
    struct Place: Hashable {
        var segment: UInt64
        var offset: UInt32
    }

    /// Bookkeeping that each batch costs besides its bytes.
    private static let overhead = 128

    private let limit: Int
    private var batches: [Place: RecordBatch] = [:]
    /// Places in the order of writing; those before `oldest` are gone.
    private var order: [Place] = []
    private var oldest = 0
    private(set) var bytes = 0

    /// - Parameter limit: bytes held at most; 0 turns the cache off.
    init(limit: Int) {
        self.limit = limit
    }

    subscript(place: Place) -> RecordBatch? { batches[place] }

    mutating func insert(_ batch: RecordBatch, at place: Place) {
        let size = batch.bytes.capacity + Self.overhead
        guard size <= limit else { return }
        while bytes + size > limit, oldest < order.count { removeOldest() }
        batches[place] = batch
        order.append(place)
        bytes += size
    }

    private mutating func removeOldest() {
        if let gone = batches.removeValue(forKey: order[oldest]) { bytes -= gone.bytes.capacity + Self.overhead }
        oldest += 1
        if oldest >= 1024, oldest * 2 > order.count {
            order.removeFirst(oldest)
            oldest = 0
        }
    }
}

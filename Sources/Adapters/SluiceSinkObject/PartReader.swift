internal import SluicePorts

/// Cuts an object's bytes into parts of one size; the last one may be shorter, as stores insist.
actor PartReader {
    private let body: ObjectBody
    private let size: Int
    /// What the last piece has left over, from `offset` on.
    private var piece: [UInt8] = []
    private var offset = 0
    private var isOver = false
    /// Parts read ahead, the next one last.
    private var ahead: [[UInt8]] = []

    init(_ body: ObjectBody, size: Int) {
        self.body = body
        self.size = size
    }

    /// The next part, never empty; nil at the end.
    func next() async throws -> [UInt8]? {
        if let part = ahead.popLast() { return part }
        return try await cut()
    }

    /// The whole body, which may be empty, when it is no longer than a part. Nil when it is: then `next` begins with
    /// its first part, and nobody else keeps that one.
    func onlyPart() async throws -> [UInt8]? {
        let first = try await cut() ?? []
        guard let second = try await cut() else { return first }
        ahead = [second, first]
        return nil
    }

    private func cut() async throws -> [UInt8]? {
        var part: [UInt8] = []
        while part.count < size {
            if offset == piece.count {
                guard !isOver, let next = try await body.next() else {
                    isOver = true
                    break
                }
                piece = next
                offset = 0
            }
            if part.isEmpty, offset == 0, piece.count <= size {
                // A body of one piece is sent as it is.
                part = piece
                piece = []
                continue
            }
            if part.capacity < size { part.reserveCapacity(size) }
            let end = min(piece.count, offset + size - part.count)
            part += piece[offset..<end]
            offset = end
        }
        return part.isEmpty ? nil : part
    }
}

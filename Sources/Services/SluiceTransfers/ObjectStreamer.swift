internal import SluiceCore
internal import SluiceFormats
internal import SluicePorts

/// The last station before a sink: compresses where the task says so, and measures what leaves.
actor ObjectStreamer {
    private let source: @Sendable () async throws -> [UInt8]?
    private var encoder: GzipFile?
    private var isOver = false
    private var length = 0
    private var crc: UInt32 = 0

    init(isCompressed: Bool, source: @escaping @Sendable () async throws -> [UInt8]?) throws {
        self.source = source
        encoder = isCompressed ? try GzipFile() : nil
    }

    /// What has left so far.
    var facts: ObjectFacts { ObjectFacts(length: length, crc32c: crc) }

    func next() async throws -> [UInt8]? {
        while !isOver {
            var piece: [UInt8]
            if let plain = try await source() {
                piece = try compress(plain)
            } else {
                isOver = true
                piece = try encoder?.finish() ?? []
            }
            // A compressor may keep what it was given for a while.
            guard !piece.isEmpty else { continue }
            length += piece.count
            crc = CRC32C.checksum(piece, continuing: crc)
            return piece
        }
        return nil
    }

    private func compress(_ plain: [UInt8]) throws -> [UInt8] {
        try encoder?.append(plain) ?? plain
    }
}

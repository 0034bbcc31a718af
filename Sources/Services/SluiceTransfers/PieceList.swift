/// Bytes that are in memory already, given out as a source of pieces.
actor PieceList {
    private var pieces: ArraySlice<[UInt8]>

    init(_ pieces: [[UInt8]]) {
        self.pieces = pieces.filter { !$0.isEmpty }[...]
    }

    func next() -> [UInt8]? {
        pieces.popFirst()
    }
}

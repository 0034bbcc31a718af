internal import SluiceCatalog
internal import SluiceCore

/// Tells whether the cause of a stored parked entry holds a text, without decoding the entry where that can be seen from
/// its bytes: a million entries are looked at in a few seconds.
struct CauseMatcher: Sendable {
    private let text: String
    private let bytes: [UInt8]
    private let isPlain: Bool

    /// The members before the cause, in order of their names, are numbers: these bytes are no part of another value.
    private static let member = Array(#""cause":""#.utf8)

    /// - Parameter text: not empty.
    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
        isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    func fits(_ entry: CatalogEntry) throws(CatalogError) -> Bool {
        if isPlain, let cause = Self.plainCause(in: entry.value) { return holdsText(cause) }
        return try TransferStore.decode(entry, as: ParkedEntry.self).cause.contains(text)
    }

    /// The bytes of the cause; nil when it has escapes or letters beyond ASCII, for which bytes do not decide.
    private static func plainCause(in value: [UInt8]) -> ArraySlice<UInt8>? {
        guard let start = index(of: member[...], in: value[...]).map({ $0 + member.count }) else { return nil }
        for (offset, byte) in value[start...].enumerated() {
            if byte == UInt8(ascii: "\"") { return value[start..<(start + offset)] }
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else { return nil }
        }
        return nil
    }

    private func holdsText(_ cause: ArraySlice<UInt8>) -> Bool {
        Self.index(of: bytes[...], in: cause) != nil
    }

    private static func index(of wanted: ArraySlice<UInt8>, in bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = wanted.first, bytes.count >= wanted.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - wanted.count) where bytes[start] == first {
            if bytes[start..<(start + wanted.count)] == wanted { return start }
        }
        return nil
    }
}

extension Array {
    /// The elements in order, in pages of at most so many.
    func pages(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}

internal import CKernels

/// A place in a JSON text (RFC 8259), and the steps over it.
///
/// Lends memory: whoever makes one keeps the text alive while it is used.
@safe struct JSONCursor {
    private(set) var at: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    private let start: UnsafePointer<UInt8>

    /// Values nested deeper than this are refused, also in members that nobody asks for.
    static let maximumDepth = 512

    /// A string as it stands between its quotes.
    @safe struct Text {
        let start: UnsafePointer<UInt8>
        let count: Int
        let hasEscapes: Bool
        /// Holds more than ASCII.
        let isWide: Bool

        var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }
    }

    init(_ text: UnsafeRawBufferPointer, base: UnsafePointer<UInt8>) {
        unsafe start = base
        unsafe at = base
        unsafe end = base + text.count
    }

    var offset: Int { unsafe at - start }

    var isAtEnd: Bool { unsafe at >= end }

    /// The next byte; 0, which starts nothing in JSON, at the end.
    @inline(__always)
    var next: UInt8 { unsafe at < end ? at.pointee : 0 }

    @inline(__always)
    mutating func advance(_ count: Int = 1) {
        unsafe at += count
    }

    func syntaxFault() -> ShredFault {
        ShredFault(.syntax, at: offset)
    }

    @inline(__always)
    mutating func skipBlanks() {
        while unsafe at < end, unsafe at.pointee <= 0x20 {
            switch unsafe at.pointee {
            case 0x20, 0x09, 0x0A, 0x0D: unsafe at += 1
            default: return
            }
        }
    }

    /// Takes that byte, with blanks around it.
    @inline(__always)
    mutating func take(_ byte: UInt8) throws(ShredFault) {
        skipBlanks()
        guard next == byte else { throw syntaxFault() }
        advance()
        skipBlanks()
    }

    /// Takes that name and the quotes around it, where they come next.
    @inline(__always)
    mutating func takes(name: ParquetNode.Piece, of text: UnsafePointer<UInt8>) -> Bool {
        let count = Int(name.length)
        guard unsafe end - at > count + 1, unsafe at[count + 1] == UInt8(ascii: "\""),
            unsafe sluice_bytes_equal(at + 1, text + Int(name.offset), count) != 0
        else { return false }
        advance(count + 2)
        return true
    }

    mutating func literal(_ word: StaticString) throws(ShredFault) {
        let count = word.utf8CodeUnitCount
        guard unsafe end - at >= count, unsafe sluice_bytes_equal(at, word.utf8Start, count) != 0 else {
            throw syntaxFault()
        }
        advance(count)
    }

    /// Takes a string; the opening quote comes next.
    @inline(__always)
    mutating func text() throws(ShredFault) -> Text {
        var holds: UInt32 = 0
        let first = unsafe at + 1
        guard let quote = unsafe sluice_json_string_end(first, end, &holds) else { throw syntaxFault() }
        unsafe at = quote + 1
        return unsafe Text(
            start: first, count: quote - first, hasEscapes: holds & UInt32(SLUICE_STRING_ESCAPES) != 0,
            isWide: holds & UInt32(SLUICE_STRING_UTF8) != 0)
    }

    /// Passes over any value, but only over one that is JSON.
    mutating func skipValue(depth: Int) throws(ShredFault) {
        guard depth <= Self.maximumDepth else { throw ShredFault(.tooDeep, at: offset) }
        switch next {
        case UInt8(ascii: "\""): _ = try text()
        case UInt8(ascii: "{"): try skipObject(depth: depth)
        case UInt8(ascii: "["): try skipArray(depth: depth)
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
    }

    private mutating func skipArray(depth: Int) throws(ShredFault) {
        advance()
        skipBlanks()
        guard next != UInt8(ascii: "]") else { return advance() }
        while true {
            try skipValue(depth: depth + 1)
            guard try hasMore(before: UInt8(ascii: "]")) else { return }
        }
    }

    private mutating func skipObject(depth: Int) throws(ShredFault) {
        advance()
        skipBlanks()
        guard next != UInt8(ascii: "}") else { return advance() }
        while true {
            guard next == UInt8(ascii: "\"") else { throw syntaxFault() }
            _ = try text()
            try take(UInt8(ascii: ":"))
            try skipValue(depth: depth + 1)
            guard try hasMore(before: UInt8(ascii: "}")) else { return }
        }
    }

    /// Behind an item: takes a comma and says true, or takes what closes the array or object and says false.
    @inline(__always)
    mutating func hasMore(before close: UInt8) throws(ShredFault) -> Bool {
        skipBlanks()
        let byte = next
        guard byte == UInt8(ascii: ",") || byte == close else { throw syntaxFault() }
        advance()
        guard byte != close else { return false }
        skipBlanks()
        return true
    }
}

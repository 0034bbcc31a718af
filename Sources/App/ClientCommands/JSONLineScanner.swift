/// Checks that a line is one JSON text (RFC 8259) and finds a member of its outer object, without building anything.
struct JSONLineScanner {
    enum Result: Equatable {
        /// Nothing but white space.
        case blank
        /// With the place of the member's value, when it is a string or a number.
        case valid(Range<Int>?)
        /// The first byte that cannot stand where it does.
        case invalid(Int)
    }

    /// Deeper nesting is refused.
    static let depthMax = 512

    private let bytes: [UInt8]
    private let end: Int
    private var position: Int
    private var depth = 0

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func scan(member: String?) -> Result {
        skipBlanks()
        guard position < end else { return .blank }
        var found: Range<Int>?
        let name = member.map { Array($0.utf8) }
        guard value(outer: name, found: &found) else { return .invalid(position) }
        skipBlanks()
        return position == end ? .valid(found) : .invalid(position)
    }

    private var next: UInt8? { position < end ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(outer name: [UInt8]?, found: inout Range<Int>?) -> Bool {
        switch next {
        case UInt8(ascii: "{"): object(name: name, found: &found)
        case UInt8(ascii: "["): array()
        case UInt8(ascii: "\""): string()
        case UInt8(ascii: "t"): literal("true")
        case UInt8(ascii: "f"): literal("false")
        case UInt8(ascii: "n"): literal("null")
        default: number()
        }
    }

    private mutating func object(name: [UInt8]?, found: inout Range<Int>?) -> Bool {
        guard enter() else { return false }
        skipBlanks()
        if take(UInt8(ascii: "}")) { return leave() }
        while true {
            skipBlanks()
            let nameStart = position
            guard string() else { return false }
            let isWanted = name.map { bytes[nameStart + 1..<position - 1].elementsEqual($0) } ?? false
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { return false }
            skipBlanks()
            let valueStart = position
            var ignored: Range<Int>?
            guard value(outer: nil, found: &ignored) else { return false }
            let first = bytes[valueStart]
            if isWanted, first == UInt8(ascii: "\"") || first == UInt8(ascii: "-") || Self.isDigit(first) {
                found = valueStart..<position
            }
            skipBlanks()
            if take(UInt8(ascii: "}")) { return leave() }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func array() -> Bool {
        guard enter() else { return false }
        skipBlanks()
        if take(UInt8(ascii: "]")) { return leave() }
        while true {
            skipBlanks()
            var ignored: Range<Int>?
            guard value(outer: nil, found: &ignored) else { return false }
            skipBlanks()
            if take(UInt8(ascii: "]")) { return leave() }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func enter() -> Bool {
        depth += 1
        guard depth <= Self.depthMax else { return false }
        position += 1
        return true
    }

    private mutating func leave() -> Bool {
        depth -= 1
        return true
    }

    private mutating func string() -> Bool {
        guard take(UInt8(ascii: "\"")) else { return false }
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return true
            case UInt8(ascii: "\\"):
                position += 1
                guard escape() else { return false }
            case 0..<0x20: return false
            default: position += 1
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard let byte = next else { return false }
        position += 1
        guard byte == UInt8(ascii: "u") else {
            return "\"\\/bfnrt".utf8.contains(byte)
        }
        for _ in 0..<4 {
            guard let digit = next, Self.isDigit(digit) || (0x41...0x46).contains(digit & 0xDF) else { return false }
            position += 1
        }
        return true
    }

    private mutating func literal(_ text: StaticString) -> Bool {
        for byte in "\(text)".utf8 { guard take(byte) else { return false } }
        return true
    }

    private mutating func number() -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { guard digits() else { return false } }
        if take(UInt8(ascii: ".")) { guard digits() else { return false } }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            return digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, Self.isDigit(byte) { position += 1 }
        return position > start
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}

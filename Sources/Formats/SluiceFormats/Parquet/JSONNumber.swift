/// A JSON number, exactly: `digits` times ten to the power of `exponent`, where it has at most 38 digits.
@safe struct JSONNumber {
    var isNegative = false
    /// The significant digits, without zeros behind the last one that counts; the first 38 of more.
    var digits: UInt128 = 0
    var exponent = 0
    /// Digits that count were left out.
    var isCut = false
    /// The number as it stands in the text.
    var start: UnsafePointer<UInt8>
    var count = 0

    static let digitsMax = 38
    /// Exponents are cut here: beyond lies nothing that any type holds.
    static let exponentMax = 1_000_000
    /// Below this, one more digit fits into 64 bits.
    static let headMax: UInt128 = 1_000_000_000_000_000_000

    private static let powers: [UInt128] = {
        var power: UInt128 = 1
        return (0...digitsMax).map { _ in
            defer { power = power &* 10 }
            return power
        }
    }()

    static func power(_ exponent: Int) -> UInt128 { powers[exponent] }

    /// The unscaled value at that scale: exact, or nil where decimal places would be lost. `digitsMax` digits at most;
    /// beyond, `isTooLarge` is set.
    func scaled(by scale: Int, isTooLarge: inout Bool) -> UInt128? {
        guard digits != 0 else { return 0 }
        let shift = exponent + scale
        if shift < 0 {
            guard !isCut, -shift <= Self.digitsMax, digits % Self.power(-shift) == 0 else { return nil }
            return digits / Self.power(-shift)
        }
        guard !isCut, shift <= Self.digitsMax else {
            isTooLarge = true
            return nil
        }
        let (product, overflow) = digits.multipliedReportingOverflow(by: Self.power(shift))
        guard !overflow else {
            isTooLarge = true
            return nil
        }
        return product
    }

    /// The nearest `Double`; infinite where it is beyond all.
    var double: Double {
        if !isCut, digits <= 1 << 53, (-22...22).contains(exponent) {
            // Both factors are exact, and one operation rounds once.
            let value = Double(UInt64(truncatingIfNeeded: digits))
            let result = exponent < 0 ? value / Self.doubles[-exponent] : value * Self.doubles[exponent]
            return isNegative ? -result : result
        }
        return Double(string) ?? (isNegative ? -.infinity : .infinity)
    }

    /// The nearest `Float`; infinite where it is beyond all.
    var float: Float {
        Float(string) ?? (isNegative ? -.infinity : .infinity)
    }

    private static let doubles: [Double] = (0...22).map { Double(power($0)) }

    private var string: String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

extension JSONCursor {
    /// Takes a whole number of at most 18 digits, nil (and takes nothing) where something else stands.
    @inline(__always)
    mutating func shortInteger() -> Int64? {
        var p = unsafe at
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { unsafe p += 1 }
        let first = unsafe p
        var value: Int64 = 0
        while unsafe p < end, case let digit = unsafe p.pointee &- UInt8(ascii: "0"), digit <= 9 {
            value = value &* 10 &+ Int64(digit)
            unsafe p += 1
        }
        let count = unsafe p - first
        guard count > 0, count <= 18, unsafe first.pointee != UInt8(ascii: "0") || count == 1 else { return nil }
        if unsafe p < end {
            switch unsafe p.pointee {
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
            default: break
            }
        }
        advance(unsafe p - at)
        return isNegative ? -value : value
    }

    /// Takes a number.
    mutating func number() throws(ShredFault) -> JSONNumber {
        var number = unsafe JSONNumber(start: at)
        let first = offset
        if next == UInt8(ascii: "-") {
            number.isNegative = true
            advance()
        }
        if next == UInt8(ascii: "0") {
            advance()
        } else {
            guard digits(into: &number, isFraction: false) else { throw syntaxFault() }
        }
        if next == UInt8(ascii: ".") {
            advance()
            guard digits(into: &number, isFraction: true) else { throw syntaxFault() }
        }
        if next | 0x20 == UInt8(ascii: "e") {
            advance()
            var isNegative = false
            if next == UInt8(ascii: "-") || next == UInt8(ascii: "+") {
                isNegative = next == UInt8(ascii: "-")
                advance()
            }
            guard isDigit(next) else { throw syntaxFault() }
            var exponent = 0
            while isDigit(next) {
                exponent = min(exponent * 10 + Int(next - UInt8(ascii: "0")), JSONNumber.exponentMax)
                advance()
            }
            number.exponent += isNegative ? -exponent : exponent
        }
        number.count = offset - first
        return number
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

    /// Takes a run of digits; false where none stands.
    @inline(__always)
    private mutating func digits(into number: inout JSONNumber, isFraction: Bool) -> Bool {
        guard isDigit(next) else { return false }
        // Nineteen digits fit into 64 bits, which are quicker.
        var head = UInt64(truncatingIfNeeded: number.digits)
        var isShort = number.digits < JSONNumber.headMax
        while isDigit(next) {
            let digit = next - UInt8(ascii: "0")
            advance()
            if isShort {
                head = head * 10 + UInt64(digit)
                if isFraction { number.exponent -= 1 }
                isShort = head < UInt64(JSONNumber.headMax)
                if !isShort { number.digits = UInt128(head) }
            } else if number.digits < JSONNumber.power(JSONNumber.digitsMax - 1) {
                number.digits = number.digits * 10 + UInt128(digit)
                if isFraction { number.exponent -= 1 }
            } else {
                if digit != 0 { number.isCut = true }
                if !isFraction { number.exponent += 1 }
            }
        }
        if isShort { number.digits = UInt128(head) }
        return true
    }
}

/// Bytes as hexadecimal text.
package enum Hex {
    /// Lower-case digits, two a byte.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: digits(bytes), as: UTF8.self)
    }

    /// The lower-case digits as ASCII bytes.
    package static func digits(_ bytes: some Collection<UInt8>) -> [UInt8] {
        digits(Array(bytes))
    }

    /// The lower-case digits as ASCII bytes.
    package static func digits(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { text, count in
            for byte in bytes {
                text[count] = digit(byte >> 4)
                text[count + 1] = digit(byte & 15)
                count += 2
            }
        }
    }

    /// The bytes of an even count of digits in either case; nil for any other text.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        decode(digits: Array(text.utf8))
    }

    /// The bytes of an even count of digits in either case; nil for any other text.
    package static func decode(_ text: String) -> [UInt8]? {
        decode(digits: Array(text.utf8))
    }

    private static func decode(digits: [UInt8]) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes = [UInt8]()
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            let high = value(digits[index])
            let low = value(digits[index + 1])
            guard high < 16, low < 16 else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8 {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: 255
        }
    }
}

/// Bytes as base64 text (RFC 4648), for short things: keys, digests, tokens.
package enum Base64 {
    package enum Variant: Sendable {
        /// Section 4, with padding.
        case standard
        /// Section 5, for file names and headers, without padding.
        case url
    }

    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func reversed(_ alphabet: [UInt8]) -> [UInt8] {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }

    private static let standardValues = reversed(standard)
    private static let urlValues = reversed(url)

    package static func encode(_ bytes: [UInt8], _ variant: Variant = .standard) -> String {
        let alphabet = variant == .standard ? standard : url
        var text = [UInt8]()
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let rest = min(3, bytes.count - index)
            var group = UInt32(bytes[index]) << 16
            if rest > 1 { group |= UInt32(bytes[index + 1]) << 8 }
            if rest > 2 { group |= UInt32(bytes[index + 2]) }
            for place in 0...rest { text.append(alphabet[Int(group >> (18 - 6 * UInt32(place)) & 63)]) }
            if variant == .standard { text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - rest)) }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of canonical text of that variant: padding where it belongs, unused bits zero; nil for any other text.
    package static func decode(_ text: some StringProtocol, _ variant: Variant = .standard) -> [UInt8]? {
        let values = variant == .standard ? standardValues : urlValues
        var digits = Array(text.utf8)
        if variant == .standard {
            guard digits.count.isMultiple(of: 4) else { return nil }
            for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        }
        guard digits.count % 4 != 1 else { return nil }
        var bytes = [UInt8]()
        bytes.reserveCapacity(digits.count / 4 * 3 + 2)
        var group: UInt32 = 0
        var bits: UInt32 = 0
        for digit in digits {
            let value = values[Int(digit)]
            guard value != 255 else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(group >> bits & 255))
                group &= (1 << bits) - 1
            }
        }
        return group == 0 ? bytes : nil
    }
}

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

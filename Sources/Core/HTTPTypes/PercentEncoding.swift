/// Percent-encoding (RFC 3986, 2.1): over bytes as signatures need it, over text as paths and queries do.
package enum PercentEncoding {
    /// Replaces `%XX` by its byte; a `%` that two digits do not follow stays.
    package static func decode(_ bytes: [UInt8], plusIsBlank: Bool) -> [UInt8] {
        guard bytes.contains(UInt8(ascii: "%")) || (plusIsBlank && bytes.contains(UInt8(ascii: "+"))) else {
            return bytes
        }
        var result = [UInt8]()
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%"), index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                index += 1
            }
        }
        return result
    }

    /// Keeps `A–Z a–z 0–9 - _ . ~` and, if told so, `/`; the rest becomes `%XX` in upper case.
    package static func encode(_ bytes: [UInt8], keepingSlashes: Bool) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(bytes.count)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.append(byte)
            case UInt8(ascii: "/") where keepingSlashes:
                result.append(byte)
            default:
                result.append(UInt8(ascii: "%"))
                result.append(hex(byte >> 4))
                result.append(hex(byte & 15))
            }
        }
        return result
    }

    /// The text with all but unreserved characters encoded.
    package static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        String(decoding: encode(Array(text.utf8), keepingSlashes: keepingSlashes), as: UTF8.self)
    }

    /// Decodes text that must be right: nil for a `%` that two digits do not follow and for bytes that are not UTF-8.
    package static func decodeStrictly(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        let bytes = text.utf8
        guard bytes.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
        var rest = bytes[...]
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            let escape = rest[percent...].dropFirst().prefix(2)
            guard escape.count == 2, escape.allSatisfy({ digit($0) != nil }) else { return nil }
            rest = rest[escape.endIndex...]
        }
        return String(validating: decode(Array(bytes), plusIsBlank: plusIsBlank), as: UTF8.self)
    }

    private static func hex(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

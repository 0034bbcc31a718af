/// Percent-encoding as requests use it (RFC 3986, 2.1).
enum PercentCoding {
    /// Decodes `%XX`; nil for a broken escape or bytes that are not UTF-8. `+` stays unless `plusIsBlank`.
    static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        let bytes = text.utf8
        guard bytes.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index = bytes.index(after: index)
            switch byte {
            case UInt8(ascii: "%"):
                guard let end = bytes.index(index, offsetBy: 2, limitedBy: bytes.endIndex),
                    let value = UInt8(hex: bytes[index], bytes[bytes.index(after: index)])
                else { return nil }
                decoded.append(value)
                index = end
            case UInt8(ascii: "+") where plusIsBlank: decoded.append(UInt8(ascii: " "))
            default: decoded.append(byte)
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate init?(hex high: UInt8, _ low: UInt8) {
        guard let high = high.hexDigitValue, let low = low.hexDigitValue else { return nil }
        self = high << 4 | low
    }

    private var hexDigitValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

internal import SluiceCore

/// Durations and sizes as people write them.
enum UnitText {
    private static let durations: [(unit: String, milliseconds: Int)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    private static let sizes: [(unit: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("KB", 1000), ("B", 1),
    ]

    /// `1h30m`, `250ms`, or plain seconds; nil for anything else, and above about 292 million years.
    static func duration(_ text: String) -> Duration? {
        if let seconds = Int(decimal: text) { return .seconds(seconds) }
        var total = 0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        var smallest = Int.max
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard let count = Int(decimal: digits), let unit = durations.first(where: { $0.unit == letters }),
                unit.milliseconds < smallest
            else { return nil }
            smallest = unit.milliseconds
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: unit.milliseconds)
            let (sum, isSumTooLarge) = total.addingReportingOverflow(product)
            guard !isTooLarge, !isSumTooLarge else { return nil }
            total = sum
        }
        return .milliseconds(total)
    }

    /// `64MiB`, `64 MiB`, or plain bytes; nil for anything else, and above 8 EiB.
    static func size(_ text: String) -> ByteCount? {
        if let bytes = Int(decimal: text) { return ByteCount(bytes) }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        var unit = text.dropFirst(digits.count)
        if unit.first == " " { unit = unit.dropFirst() }
        guard let count = Int(decimal: digits), let factor = sizes.first(where: { $0.unit == unit })?.bytes else {
            return nil
        }
        let (bytes, isTooLarge) = count.multipliedReportingOverflow(by: factor)
        return isTooLarge ? nil : ByteCount(bytes)
    }

    /// The shortest of `90s`, `1m30s`… that says it exactly to the millisecond.
    static func print(_ duration: Duration) -> String {
        var rest = Int(duration.inMilliseconds)
        var text = ""
        for (unit, milliseconds) in durations where rest >= milliseconds {
            text += "\(rest / milliseconds)\(unit)"
            rest %= milliseconds
        }
        return text.isEmpty ? "0s" : text
    }

    /// In the largest binary unit that divides it.
    static func print(_ size: ByteCount) -> String {
        for (unit, bytes) in sizes.prefix(4) where size.bytes > 0 && size.bytes % bytes == 0 {
            return "\(size.bytes / bytes)\(unit)"
        }
        return "\(size.bytes)B"
    }
}

extension Int {
    /// ASCII digits alone: no sign, no space, no empty text.
    init?(decimal text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(text) else {
            return nil
        }
        self = value
    }
}

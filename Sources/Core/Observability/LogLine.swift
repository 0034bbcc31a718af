#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// One log line on its way to bytes. Nothing that varies can break out of its line or its quotes.
struct LogLine {
    /// Milliseconds since the epoch.
    let time: Int64
    let level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata

    func bytes(_ format: StandardLogOutput.Format) -> [UInt8] {
        switch format {
        case .text: Array((text(coloured: false) + "\n").utf8)
        case .colouredText: Array((text(coloured: true) + "\n").utf8)
        case .json: Array((json + "\n").utf8)
        }
    }

    /// Cuts every text to `length` bytes and keeps the first `count` of the metadata.
    mutating func shorten(valuesTo length: Int, count: Int) {
        label = Self.cut(label, length)
        message = Self.cut(message, length)
        let kept = metadata.sorted { $0.key < $1.key }.prefix(count)
        metadata = Dictionary(
            kept.map { (Self.cut($0.key, 40), Self.cut($0.value, length)) }, uniquingKeysWith: { first, _ in first })
        metadata["shortened"] = "true"
    }

    /// Without control characters, each of which may become six bytes of JSON.
    private static func cut(_ text: String, _ length: Int) -> String {
        var result = ""
        for scalar in text.unicodeScalars where scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) {
            guard result.utf8.count < length else { return result + "…" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    private func text(coloured: Bool) -> String {
        let name = level.name.padding(to: 8)
        var line = "\(Self.timestamp(time)) \(coloured ? "\u{1B}[\(level.colour)m\(name)\u{1B}[0m" : name) "
        line += "[\(Self.visible(label))] \(Self.visible(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3D }
            let shown = isPlain ? value : Self.quoted(value)
            line += coloured ? " \u{1B}[2m\(Self.visible(key))=\u{1B}[0m\(shown)" : " \(Self.visible(key))=\(shown)"
        }
        return line
    }

    private var json: String {
        var line = "{\"time\":\"\(Self.timestamp(time))\",\"level\":\"\(level.name)\",\"label\":\(Self.quoted(label))"
        line += ",\"message\":\(Self.quoted(message))"
        if !metadata.isEmpty {
            let members = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
            line += ",\"metadata\":{\(members.joined(separator: ","))}"
        }
        return line + "}"
    }

    /// A JSON string (RFC 8259, 7).
    static func quoted(_ text: String) -> String {
        "\"" + escaped(text, quotes: true) + "\""
    }

    /// The text with control characters escaped, so that it stays on its line and sends nothing to the terminal.
    private static func visible(_ text: String) -> String {
        escaped(text, quotes: false)
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where quotes: result += "\\\""
            case "\\" where quotes: result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var rest = Int(milliseconds % 1000)
        if rest < 0 {
            seconds -= 1
            rest += 1000
        }
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let date = unsafe [(Int(parts.tm_year) + 1900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2)]
        let clock = unsafe [(Int(parts.tm_hour), 2), (Int(parts.tm_min), 2), (Int(parts.tm_sec), 2)]
        return digits(date, "-") + "T" + digits(clock, ":") + "." + digits([(rest, 3)], "") + "Z"
    }

    private static func digits(_ numbers: [(value: Int, width: Int)], _ separator: String) -> String {
        numbers.map { number in
            let text = String(number.value)
            return String(repeating: "0", count: max(0, number.width - text.utf8.count)) + text
        }.joined(separator: separator)
    }
}

extension Logger.Level {
    /// The code of the colour for terminals (ECMA-48, 8.3.117).
    fileprivate var colour: String {
        switch self {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error, .critical: "31"
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - utf8.count))
    }
}

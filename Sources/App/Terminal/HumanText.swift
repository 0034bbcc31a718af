package import SluiceCore

/// Sizes, counts and times as people read them.
package enum HumanText {
    /// `0 B`, `999 B`, `1.5 KiB`, `23 MiB`: binary prefixes, two or three digits.
    package static func bytes(_ count: Int) -> String {
        guard count.magnitude >= 1024 else { return "\(count) B" }
        var value = Double(count)
        var units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
        var unit = "B"
        while value.magnitude >= 1023.95, let next = units.popFirst() {
            value /= 1024
            unit = next
        }
        return "\(short(value)) \(unit)"
    }

    /// Bytes a second; nothing for a time of zero.
    package static func rate(_ count: Int, per duration: Duration) -> String {
        let seconds = duration.inSeconds
        return seconds > 0 ? bytes(Int(Double(count) / seconds)) + "/s" : ""
    }

    /// `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`, `4 d 02 h`.
    package static func duration(_ duration: Duration) -> String {
        let seconds = Int(duration.inSeconds)
        switch seconds {
        case ..<10: return short(max(0, duration.inSeconds)) + " s"
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min \((seconds % 60).padded(to: 2)) s"
        case ..<86400: return "\(seconds / 3600) h \((seconds / 60 % 60).padded(to: 2)) min"
        default: return "\(seconds / 86400) d \((seconds / 3600 % 24).padded(to: 2)) h"
        }
    }

    /// `1,234,567`.
    package static func count(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + text
    }

    /// `2026-01-02 03:04:05Z`, always UTC.
    package static func time(_ moment: Timestamp) -> String {
        let civil = CivilTime(moment)
        return civil.date(separator: "-") + " " + civil.clock(separator: ":") + "Z"
    }

    private static func short(_ value: Double) -> String {
        guard value.magnitude < 9.95 else { return String(Int(value.rounded())) }
        let tenths = Int((value * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }
}

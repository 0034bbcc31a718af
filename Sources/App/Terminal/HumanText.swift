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
        case ..<3600: return "\(seconds / 60) min \(padded(seconds % 60)) s"
        case ..<86400: return "\(seconds / 3600) h \(padded(seconds / 60 % 60)) min"
        default: return "\(seconds / 86400) d \(padded(seconds / 3600 % 24)) h"
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
        let seconds = moment.seconds
        let days = seconds.flooredDivision(by: 86400)
        let rest = Int(seconds - days * 86400)
        let (year, month, day) = civilDate(daysSinceEpoch: Int(days))
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map(padded).joined(separator: ":")
        return "\(year)-\(padded(month))-\(padded(day)) \(clock)Z"
    }

    /// The Gregorian date, counted in eras of 400 years that begin on the first of March.
    private static func civilDate(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = daysSinceEpoch + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func short(_ value: Double) -> String {
        guard value.magnitude < 9.95 else { return String(Int(value.rounded())) }
        let tenths = Int((value * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }

    private static func padded(_ number: Int) -> String {
        number < 10 ? "0\(number)" : String(number)
    }
}

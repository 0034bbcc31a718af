package import SluiceCore

/// Calendar texts of the wire, always UTC: `X-Sdk-Date` and the times in token answers.
package enum SDKTime {
    /// Reads `yyyyMMdd'T'HHmmss'Z'`; nil for anything else, impossible dates included.
    package static func parse(_ text: some StringProtocol) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
            let minute = number(11..<13), let second = number(13..<15), year >= 1970, (1...12).contains(month),
            (1...days(in: month, of: year)).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = daysSinceEpoch(year: year, month: month, day: day)
        return Timestamp(milliseconds: Int64(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
    }

    /// Writes `yyyyMMdd'T'HHmmss'Z'`.
    package static func compact(_ moment: Timestamp) -> String {
        let (date, time) = parts(moment)
        return date.map(padded).joined() + "T" + time.map(padded).joined() + "Z"
    }

    /// Writes `yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'` (RFC 3339), as Keystone does.
    package static func extended(_ moment: Timestamp) -> String {
        let (date, time) = parts(moment)
        let fraction = String(moment.milliseconds - moment.seconds * 1000)
        return date.map(padded).joined(separator: "-") + "T" + time.map(padded).joined(separator: ":") + "."
            + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction + "000Z"
    }

    private static func padded(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    private static func parts(_ moment: Timestamp) -> (date: [Int], time: [Int]) {
        let days = Int(moment.seconds.flooredDivision(by: 86_400))
        let rest = Int(moment.seconds) - days * 86_400
        // Counted in years that begin in March, so that the leap day is the last (proleptic Gregorian calendar).
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return ([year, month, day], [rest / 3600, rest / 60 % 60, rest % 60])
    }

    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

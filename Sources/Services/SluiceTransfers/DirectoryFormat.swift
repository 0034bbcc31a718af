package import SluiceCore

/// How a moment becomes the directory of an object: `partition_format` (spec section 4.3.1), always in UTC.
package enum DirectoryFormat: Sendable, Hashable, CaseIterable {
    case none, year, month, day, hour, minute

    /// Reads the documented forms, `N/A` as empty; nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "", "N/A": self = .none
        case "yyyy": self = .year
        case "yyyy/MM": self = .month
        case "yyyy/MM/dd": self = .day
        case "yyyy/MM/dd/HH": self = .hour
        case "yyyy/MM/dd/HH/mm": self = .minute
        default: return nil
        }
    }

    /// The directory of that moment without slashes around it; empty for `none`.
    package func directory(at time: Timestamp) -> String {
        let civil = CivilTime(time)
        let parts = [
            Self.padded(civil.year, 4), Self.padded(civil.month, 2), Self.padded(civil.day, 2),
            Self.padded(civil.hour, 2), Self.padded(civil.minute, 2),
        ]
        let count =
            switch self {
            case .none: 0
            case .year: 1
            case .month: 2
            case .day: 3
            case .hour: 4
            case .minute: 5
            }
        return parts.prefix(count).joined(separator: "/")
    }

    /// The number in decimal with zeros in front up to `width` digits.
    static func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// A moment taken apart in UTC, by the proleptic Gregorian calendar.
struct CivilTime: Sendable, Hashable {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int

    init(_ time: Timestamp) {
        let seconds = time.seconds
        let days = seconds.flooredDivision(by: 86_400)
        let rest = Int(seconds - days * 86_400)
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        // Days are counted in eras of 400 years that begin on 1 March, so that the leap day comes last.
        let shifted = days + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = Int(shifted - era * 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
    }

    /// Nil when a member lies outside its range, 31 April included.
    init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year),
            (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    var timestamp: Timestamp {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = Int64(shiftedYear).flooredDivision(by: 400)
        let yearOfEra = shiftedYear - Int(era) * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + Int64(dayOfEra) - 719_468
        return Timestamp(milliseconds: (days * 86_400 + Int64(hour * 3600 + minute * 60 + second)) * 1000)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }
}

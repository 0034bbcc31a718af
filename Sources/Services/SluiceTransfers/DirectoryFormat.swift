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
            civil.year.padded(to: 4), civil.month.padded(to: 2), civil.day.padded(to: 2), civil.hour.padded(to: 2),
            civil.minute.padded(to: 2),
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
}

internal import SluiceCore

/// Dates and times in the forms of RFC 3339.
///
/// - Dates are `2026-01-02`, years 0000 to 9999 of the Gregorian calendar.
/// - Times are `12:34`, `12:34:56` or with a fraction of any length behind a point; digits finer than the unit are dropped.
/// - Timestamps are a date, `T` or a blank, a time, and `Z` or an offset like `+08:00` or `+0800`. Without either they
///   are in UTC, as the service takes the times of records. Local ones have neither. A date alone is its midnight.
@safe struct CalendarText {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    var isAtEnd: Bool { unsafe at == bytes.count }

    private var next: UInt8 { unsafe at < bytes.count ? bytes[at] : 0 }

    private mutating func takes(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        at += 1
        return true
    }

    private mutating func number(digits: Int) -> Int64? {
        guard unsafe bytes.count - at >= digits else { return nil }
        var value: Int64 = 0
        for _ in 0..<digits {
            let digit = next &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int64(digit)
            at += 1
        }
        return value
    }

    /// Days since 1970-01-01.
    mutating func days() -> Int64? {
        guard let year = number(digits: 4), takes(UInt8(ascii: "-")), let month = number(digits: 2),
            takes(UInt8(ascii: "-")), let day = number(digits: 2)
        else { return nil }
        return CivilTime.daysSinceEpoch(year: Int(year), month: Int(month), day: Int(day)).map { Int64($0) }
    }

    /// Units since midnight.
    mutating func timeOfDay(perSecond units: Int64) -> Int64? {
        guard let hour = number(digits: 2), takes(UInt8(ascii: ":")), let minute = number(digits: 2), hour < 24,
            minute < 60
        else { return nil }
        let minutes = hour * 60 + minute
        guard takes(UInt8(ascii: ":")) else { return minutes * 60 * units }
        guard let second = number(digits: 2), second < 60 else { return nil }
        var fraction: Int64 = 0
        if takes(UInt8(ascii: ".")) {
            var worth = units
            guard next &- UInt8(ascii: "0") <= 9 else { return nil }
            while case let digit = next &- UInt8(ascii: "0"), digit <= 9 {
                worth /= 10
                fraction += Int64(digit) * worth
                at += 1
            }
        }
        return (minutes * 60 + second) * units + fraction
    }

    /// Units since 1970-01-01T00:00:00, in UTC unless the text is local.
    mutating func timestamp(perSecond units: Int64, isLocal: Bool) -> Int64? {
        guard let days = days() else { return nil }
        let midnight = days * 86400 * units
        guard !isAtEnd else { return midnight }
        guard takes(UInt8(ascii: "T")) || takes(UInt8(ascii: "t")) || takes(UInt8(ascii: " ")),
            let time = timeOfDay(perSecond: units)
        else { return nil }
        if isAtEnd { return midnight + time }
        guard !isLocal, let offset = offsetMinutes(), isAtEnd else { return nil }
        return midnight + time - offset * 60 * units
    }

    private mutating func offsetMinutes() -> Int64? {
        if takes(UInt8(ascii: "Z")) || takes(UInt8(ascii: "z")) { return 0 }
        let isWest = next == UInt8(ascii: "-")
        guard takes(UInt8(ascii: "+")) || takes(UInt8(ascii: "-")), let hours = number(digits: 2) else { return nil }
        _ = takes(UInt8(ascii: ":"))
        guard let minutes = number(digits: 2), hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
}

internal import FoundationEssentials
internal import SluiceCore
internal import Terminal

/// Where reading begins.
enum ReadPosition: Sendable, Equatable {
    case earliest
    case latest
    case sequenceNumber(Int64)
    case time(Timestamp)

    /// `earliest`, `latest`, a sequence number, `15m` (ago; s, m, h, d), `2026-01-02T03:04:05Z` or `@1767323045000`.
    init(parsing text: String, now: Timestamp) throws(CommandError) {
        switch text {
        case "earliest": self = .earliest
        case "latest": self = .latest
        default:
            if let number = Int64(text), number >= 0 {
                self = .sequenceNumber(number)
            } else if text.hasPrefix("@"), let milliseconds = Int64(text.dropFirst()), milliseconds >= 0 {
                self = .time(Timestamp(milliseconds: milliseconds))
            } else if let ago = Self.seconds(text) {
                self = .time(now - .seconds(ago))
            } else if let date = try? Date(text, strategy: .iso8601) {
                self = .time(Timestamp(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded())))
            } else {
                throw CommandError.usage(
                    "'\(text)' is no place to read from.",
                    hint: "Give earliest, latest, a sequence number, 15m (ago) or a time like 2026-01-02T03:04:05Z.")
            }
        }
    }

    private static func seconds(_ text: String) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()),
            (0...1_000_000).contains(count)
        else { return nil }
        return count * unit
    }

    /// The query of a cursor at this place (spec section 2.4.2).
    var cursorQuery: [(String, String)] {
        switch self {
        case .earliest: [("cursor-type", "TRIM_HORIZON")]
        case .latest: [("cursor-type", "LATEST")]
        case .sequenceNumber(let number):
            [("cursor-type", "AT_SEQUENCE_NUMBER"), ("starting-sequence-number", String(number))]
        case .time(let time): [("cursor-type", "AT_TIMESTAMP"), ("timestamp", String(time.milliseconds))]
        }
    }
}

/// The number of a record within its partition: dense from 0, never reused.
/// On the wire a decimal string (spec section 3.3).
package struct SequenceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: Int64

    package init(_ value: Int64) {
        self.value = value
    }

    package static let zero = SequenceNumber(0)

    package static func < (left: Self, right: Self) -> Bool {
        left.value < right.value
    }

    package func advanced(by count: Int) -> SequenceNumber {
        SequenceNumber(value + Int64(count))
    }

    /// How many records lie from `other` up to and without this one; negative when `other` is later.
    package func distance(from other: SequenceNumber) -> Int {
        Int(value - other.value)
    }

    package var description: String { String(value) }
}

/// A moment in milliseconds since the Unix epoch, as the public API writes times.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package var seconds: Int64 { milliseconds.flooredDivision(by: 1000) }

    package static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }

    package static func + (moment: Self, duration: Duration) -> Self {
        Timestamp(milliseconds: moment.milliseconds + duration.inMilliseconds)
    }

    package static func - (moment: Self, duration: Duration) -> Self {
        Timestamp(milliseconds: moment.milliseconds - duration.inMilliseconds)
    }

    package static func - (later: Self, earlier: Self) -> Duration {
        .milliseconds(later.milliseconds - earlier.milliseconds)
    }

    package var description: String { String(milliseconds) }
}

/// An amount of bytes.
package struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let bytes: Int

    package init(_ bytes: Int) {
        self.bytes = bytes
    }

    package static let zero = ByteCount(0)
    package static func kibibytes(_ count: Int) -> Self { ByteCount(count << 10) }
    package static func mebibytes(_ count: Int) -> Self { ByteCount(count << 20) }
    package static func gibibytes(_ count: Int) -> Self { ByteCount(count << 30) }

    package static func < (left: Self, right: Self) -> Bool {
        left.bytes < right.bytes
    }

    package static func + (left: Self, right: Self) -> Self {
        ByteCount(left.bytes + right.bytes)
    }

    package var description: String { "\(bytes) bytes" }
}

extension Int64 {
    /// Division that rounds towards negative infinity, for times before the epoch.
    package func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return (self % divisor != 0 && (self < 0) != (divisor < 0)) ? quotient - 1 : quotient
    }
}

extension Duration {
    /// Whole milliseconds, fractions dropped.
    package var inMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// Seconds with their fraction, for rates and metrics.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}

// Positions and times are stored as plain numbers.

extension SequenceNumber: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(milliseconds: try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

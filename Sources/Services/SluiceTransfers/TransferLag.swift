package import SluiceCore

/// How much of a stream or partition has not been delivered and confirmed yet.
package struct TransferLag: Sendable, Hashable {
    package var records = 0
    /// As the log keeps them: 16 bytes a record besides key and data; an estimate for records long ago.
    package var bytes = ByteCount.zero
    /// When the server took the oldest of them; nil when there is none, or it cannot be read now.
    package var oldest: Timestamp?

    package init() {}

    /// The age of the oldest record; zero when nothing waits.
    package func age(at now: Timestamp) -> Duration {
        oldest.map { max(.zero, now - $0) } ?? .zero
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.records += right.records
        sum.bytes = left.bytes + right.bytes
        sum.oldest = [left.oldest, right.oldest].compactMap { $0 }.min()
        return sum
    }
}

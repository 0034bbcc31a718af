internal import Synchronization

/// Memory that large answers, of records, parked records and deliveries, may take together while slow readers fetch them.
///
/// Nobody waits for it: when it is used up, a read gets a small share and so a short page, and its reader comes again.
package final class AnswerBudget: Sendable {
    /// Bytes of record data that are always granted.
    static let smallest = 64 << 10
    private let total: Int
    private let used = Mutex(0)

    /// - Parameter total: in bytes of record data; an answer is a third larger.
    package init(total: Int) {
        self.total = total
    }

    /// A share of at most `wanted` bytes, held until the object that carries it goes: with the answer's last byte.
    func take(_ wanted: Int) -> Share {
        // In one step: readers that ask at once must not all see the same free memory.
        let bytes = used.withLock { used in
            let bytes = max(min(wanted, total - used), min(wanted, Self.smallest))
            used += bytes
            return bytes
        }
        return Share(bytes: bytes, budget: self)
    }

    final class Share: Sendable {
        let bytes: Int
        private let budget: AnswerBudget

        fileprivate init(bytes: Int, budget: AnswerBudget) {
            self.bytes = bytes
            self.budget = budget
        }

        deinit {
            budget.used.withLock { $0 -= bytes }
        }
    }
}

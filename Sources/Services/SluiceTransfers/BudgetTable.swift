internal import Synchronization

/// One budget for each name, made on first use and kept while somebody uses it.
final class BudgetTable: Sendable {
    private struct Entry {
        weak var budget: MemoryBudget?
    }

    /// Entries that nobody uses are swept when there are so many.
    private static let sweepSize = 256

    private let each: Int
    private let entries = Mutex<[String: Entry]>([:])

    /// - Parameter each: bytes of every budget.
    init(each: Int) {
        self.each = each
    }

    func budget(of name: String) -> MemoryBudget {
        entries.withLock { entries in
            if let known = entries[name]?.budget { return known }
            if entries.count >= Self.sweepSize { entries = entries.filter { $0.value.budget != nil } }
            let budget = MemoryBudget(total: each)
            entries[name] = Entry(budget: budget)
            return budget
        }
    }
}

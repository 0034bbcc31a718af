internal import SluiceCore

/// Memory for the record data of all tasks, divided so that nobody's trouble becomes another's:
///
/// - tasks in good order share three quarters, of which one store gets at most two thirds: a store that
///   stops answering leaves memory for the others from the first moment on;
/// - tasks whose last delivery failed or crawled, and readers that nobody waits for, share the last quarter.
///
/// A share larger than a part counts as the whole part: such a delivery runs alone there.
final class SharedMemory: Sendable {
    let ready: MemoryBudget
    /// For deliveries that hold memory for long, and for verification.
    let patient: MemoryBudget
    private let places: BudgetTable

    init(total: Int) {
        patient = MemoryBudget(total: total / 4)
        ready = MemoryBudget(total: total - total / 4)
        places = BudgetTable(each: (total - total / 4) * 2 / 3)
    }

    /// What one task takes its memory from.
    /// - Parameters:
    ///   - own: the most that the task takes at once, in bytes.
    ///   - place: the store that the task delivers to, as `ObjectSinkProvider.place` names it.
    func budget(own: Int, place: String, time: any TimeSource) -> TaskMemory {
        TaskMemory(
            own: MemoryBudget(total: own), shared: self, place: places.budget(of: place), time: time)
    }
}

import SluiceCatalog
import SluiceCore
import SluicePorts
import Synchronization

/// One process: it dies at a step chosen beforehand, or when told to. A dead one can do nothing any more.
final class Life: Sendable {
    private struct State {
        var isAlive = true
        var stepsLeft: Int?
        var steps = 0
    }

    let died = Signal()
    private let never = Signal()
    private let state: Mutex<State>

    init(dyingAfter steps: Int?) {
        state = Mutex(State(stepsLeft: steps))
    }

    /// How many steps it has made.
    var steps: Int { state.withLock(\.steps) }
    var isAlive: Bool { state.withLock(\.isAlive) }

    func kill() {
        state.withLock { $0.isAlive = false }
        died.fire()
    }

    /// Called before and after whatever the process does to the outside; false when the process has died. The answer
    /// comes when the dead task is cancelled, because a dead process waits for nothing.
    func step() async -> Bool {
        let isAlive = state.withLock { state in
            guard state.isAlive else { return false }
            state.steps += 1
            if let left = state.stepsLeft {
                state.stepsLeft = left - 1
                if left <= 0 { state.isAlive = false }
            }
            return state.isAlive
        }
        if isAlive { return true }
        died.fire()
        await never.wait()
        return false
    }
}

/// The bugs that a simulation must catch, planted in what the service works with.
enum PlantedBug: String, CaseIterable, Sendable {
    /// The service believes in objects before the store has them.
    case progressBeforeConfirm
    /// Objects are named without their range.
    case nameWithoutRange
    /// Writes do not depend on owning the task.
    case epochNotChecked
    /// A new process plans anew instead of finishing the stored plan.
    case retryRecutsTheBatch
    /// A commit that a crash meets is applied in part.
    case tornIntent
}

/// How hostile the world is, in percent of calls.
struct Hostility: Sendable {
    var write = 20
    var catalog = 8

    static let none = Hostility(write: 0, catalog: 0)
}

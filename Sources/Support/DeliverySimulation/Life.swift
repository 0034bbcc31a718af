internal import SluiceCore
internal import Synchronization

/// One process: it dies at a step chosen beforehand, or when told to. A dead one can do nothing any more.
final class Life: Sendable {
    private struct State {
        var isAlive = true
        var stepsLeft: Int?
        var steps = 0
        var hasPlannedReplay = false
    }

    let died = Signal()
    /// Fired to let it end in order.
    let leaving = Signal()
    private let never = Signal()
    private let state: Mutex<State>

    /// Tells younger processes from older ones.
    let number: Int

    init(_ number: Int, dyingAfter steps: Int?) {
        self.number = number
        state = Mutex(State(stepsLeft: steps))
    }

    /// One that looks at what others have left, and never dies.
    static func judge() -> Life { Life(judgeNumber, dyingAfter: nil) }

    var isJudge: Bool { number == Self.judgeNumber }
    private static let judgeNumber = Int.max

    /// How many steps it has made.
    var steps: Int { state.withLock(\.steps) }
    var isAlive: Bool { state.withLock(\.isAlive) }

    /// Whether it has planned a replay itself; a bug may make it blind to those of others.
    var hasPlannedReplay: Bool { state.withLock(\.hasPlannedReplay) }
    func planReplay() { state.withLock { $0.hasPlannedReplay = true } }

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

    /// As `step`, for what changes nothing: no step is counted.
    func goesOn() async -> Bool {
        if isAlive { return true }
        await never.wait()
        return false
    }
}

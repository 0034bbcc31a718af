import SluiceTransfers
import Testing

@Suite struct TaskStateTests {
    // The table of docs/TRANSFER_TASKS.md, row by row: the state after each event.
    static let table: [(from: TaskState, event: TaskEvent, to: TaskState)] = [
        (.starting, .prepared, .running), (.starting, .failedTransiently, .abnormal),
        (.starting, .failedPermanently, .error), (.starting, .recovered, .running), (.starting, .parked, .abnormal),
        (.starting, .start, .starting), (.starting, .stop, .paused), (.starting, .restart, .starting),
        (.running, .prepared, .running), (.running, .failedTransiently, .abnormal),
        (.running, .failedPermanently, .error), (.running, .recovered, .running), (.running, .parked, .abnormal),
        (.running, .start, .running), (.running, .stop, .paused), (.running, .restart, .starting),
        (.abnormal, .prepared, .abnormal), (.abnormal, .failedTransiently, .abnormal),
        (.abnormal, .failedPermanently, .error), (.abnormal, .recovered, .running), (.abnormal, .parked, .abnormal),
        (.abnormal, .start, .abnormal), (.abnormal, .stop, .paused), (.abnormal, .restart, .starting),
        (.paused, .prepared, .paused), (.paused, .failedTransiently, .paused), (.paused, .failedPermanently, .paused),
        (.paused, .recovered, .paused), (.paused, .parked, .paused), (.paused, .start, .running),
        (.paused, .stop, .paused), (.paused, .restart, .paused),
        (.error, .prepared, .error), (.error, .failedTransiently, .error), (.error, .failedPermanently, .error),
        (.error, .recovered, .error), (.error, .parked, .error), (.error, .start, .running), (.error, .stop, .paused),
        (.error, .restart, .error),
    ]

    @Test func tableIsComplete() {
        #expect(Self.table.count == TaskState.allCases.count * TaskEvent.allCases.count)
    }

    @Test(arguments: table)
    func moves(from: TaskState, event: TaskEvent, to: TaskState) {
        #expect(from.after(event) == to)
    }
}

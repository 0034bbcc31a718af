/// The state of a transfer task as the public API shows it (spec section 4.1).
package enum TaskState: String, Sendable, CaseIterable, Codable {
    case starting = "STARTING"
    case running = "RUNNING"
    case paused = "PAUSED"
    /// Stopped because of a fault that a person must remove.
    case error = "ERROR"
    /// Running with a fault: a delivery is being retried, or records were parked a short while ago.
    case abnormal = "ABNORMAL"

    /// Whether a runner works for the task.
    package var isActive: Bool {
        switch self {
        case .starting, .running, .abnormal: true
        case .paused, .error: false
        }
    }
}

/// What happens to a transfer task.
package enum TaskEvent: Sendable, Hashable, CaseIterable {
    /// The destination has been reached and agrees.
    case prepared
    /// A step failed that may succeed when tried again.
    case failedTransiently
    /// A step failed that nobody but a person can mend.
    case failedPermanently
    /// A delivery succeeded, no other is being retried, and no record was parked within the last interval.
    case recovered
    /// Records were parked.
    case parked
    /// Batch start.
    case start
    /// Batch stop.
    case stop
    /// The process that ran the task has ended and another takes over.
    case restart
}

extension TaskState {
    /// The state after `event`. Total: what means nothing in a state leaves it as it is.
    package func after(_ event: TaskEvent) -> TaskState {
        switch (self, event) {
        case (_, .stop): .paused

        case (.paused, .start), (.error, .start): .running
        case (.starting, .start), (.running, .start), (.abnormal, .start): self

        case (.starting, .restart), (.running, .restart), (.abnormal, .restart): .starting
        case (.paused, .restart), (.error, .restart): self

        // Whatever a runner reports after the task was stopped came too late to count.
        case (.paused, _), (.error, _): self

        case (.starting, .prepared), (.starting, .recovered), (.running, .prepared), (.running, .recovered),
            (.abnormal, .recovered):
            .running
        // A destination that answers has not yet taken what it refused before.
        case (.abnormal, .prepared): .abnormal

        case (_, .failedTransiently), (_, .parked): .abnormal
        case (_, .failedPermanently): .error
        }
    }
}

/// What became of a run.
package struct SimulationReport: Sendable {
    /// Why the run is wrong; nil when all is well.
    package var failure: String?
    /// What the log said when it refused to start, as it may when syncs have failed; nil when it never did.
    package var refusal: String?
    /// Steps of the first process.
    package var steps = 0
    /// Calls to the disk until the first process's end.
    package var diskOperations = 0
    package var acknowledged = 0
    package var objects = 0
    /// Records that are still parked at the end.
    package var parked = 0
    /// Tasks that were deleted, by themselves or with their streams.
    package var deletedTasks = 0
    /// The same for the same run.
    package var digest: UInt32 = 0

    package init(failure: String? = nil) {
        self.failure = failure
    }
}

/// Why a simulated run is wrong.
package struct SimulationFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

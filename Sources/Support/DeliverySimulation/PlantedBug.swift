/// The bugs that a simulation must catch, planted in what the services work with.
package enum PlantedBug: String, CaseIterable, Sendable {
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
    /// A new process plans a replay anew instead of finishing the stored plan.
    case replayedTwice
    /// Records that a replay has delivered stay parked.
    case parkedAndDelivered
    /// The service takes the store's word and reads nothing back.
    case notReadBack
    /// The log acknowledges records, and shows them to tasks, before they are durable.
    case acknowledgedBeforeSync
    /// The log shows what it finds at its start without making it durable.
    case startWithoutSync
    /// A delivery that was planned before an update of the task is made in the new form.
    case newFormForOldPlan
    /// A task goes on where a deleted one of its name had come to.
    case progressInherited
    /// Stopping a task forgets what it has planned.
    case stopLosesThePlan
    /// Partitions that scaling has closed are no longer delivered.
    case closedPartitionsForgotten
    /// The runner of a deleted task works on.
    case deletedTaskWritesOn
    /// Nobody hears that a stream was deleted.
    case deletionUnseen
    /// Nobody looks whether a name is taken.
    case namesNotLookedUp
}

/// How hostile the world is, in percent of calls.
package struct Hostility: Sendable {
    /// Writes to the store, and half of that for other questions to it.
    package var store = 20
    package var catalog = 8
    /// Requests and answers between clients and processes.
    package var network = 8
    /// Chance of bad weather for the disk at each change of it.
    package var disk = 40

    package init() {}

    package static let none: Hostility = {
        var none = Hostility()
        none.store = 0
        none.catalog = 0
        none.network = 0
        none.disk = 0
        return none
    }()
}

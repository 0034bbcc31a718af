internal import Observability
internal import SluiceCatalog
internal import SluiceCore

/// Keeps the visible state of a running task: hears from its partitions what happens, asks the state machine, and
/// stores what has changed.
actor TaskReporter {
    private let services: TransferServices
    private let owner: TaskOwnership
    private let logger: Logger
    private var state: TaskState
    private var reason: String
    /// The partitions that retry now, with their reasons.
    private var faults: [PartitionNumber: String] = [:]
    /// Until when the task counts as abnormal because records were parked.
    private var parkedUntil: Duration?
    private var hasParked = Signal()
    private var isStoring = false
    private var hasChanged = false

    init(services: TransferServices, owner: TaskOwnership, logger: Logger, status: StatusRecord) {
        self.services = services
        self.owner = owner
        self.logger = logger
        state = status.state
        reason = status.reason
    }

    func prepared() async {
        faults[TaskReporter.preparation] = nil
        await move(faults.isEmpty ? .recovered : .prepared, reason: nil)
    }

    func failedToPrepare(_ reason: String) async {
        await failed(Self.preparation, reason)
    }

    func failed(_ partition: PartitionNumber, _ reason: String) async {
        faults[partition] = reason
        await move(.failedTransiently, reason: reason)
    }

    /// A delivery of the partition has succeeded.
    func delivered(_ partition: PartitionNumber) async {
        let hadFault = faults.removeValue(forKey: partition) != nil
        if let parkedUntil, parkedUntil > services.time.elapsed() { return }
        let wasParked = parkedUntil != nil
        parkedUntil = nil
        if let other = faults.min(by: { $0.key < $1.key })?.value { reason = other }
        guard faults.isEmpty, hadFault || wasParked || state != .running else { return }
        await move(.recovered, reason: nil)
    }

    /// Nothing is left to deliver there: what failed before may have been discarded, or have passed retention.
    func isIdle(_ partition: PartitionNumber) async {
        if faults[partition] != nil { await delivered(partition) }
    }

    /// Records were parked: the task counts as abnormal until an interval passes without any.
    func parked(_ count: Int, for interval: Duration, _ cause: String) async {
        parkedUntil = services.time.elapsed() + interval
        hasParked.fire()
        await move(
            .parked,
            reason:
                count == 1
                ? "1 record could not be converted and was parked: \(cause)"
                : "\(count) records could not be converted and were parked, such as: \(cause)"
        )
    }

    /// Ends the abnormal state that parked records have made, also while nothing is delivered; until it is cancelled.
    func heal() async throws {
        while true {
            await hasParked.wait()
            try Task.checkCancellation()
            while let until = parkedUntil, until > services.time.elapsed() {
                try await services.time.sleep(for: until - services.time.elapsed())
            }
            hasParked = Signal()
            guard parkedUntil != nil else { continue }
            parkedUntil = nil
            if let other = faults.min(by: { $0.key < $1.key })?.value { reason = other }
            if faults.isEmpty { await move(.recovered, reason: nil) }
        }
    }

    /// The task cannot go on; returns when that is stored, unless it never can be.
    func failedPermanently(_ reason: String) async throws {
        logger.error("transfer task stopped by a permanent fault", ["reason": reason])
        state = state.after(.failedPermanently)
        self.reason = reason
        var pauses = RetryPauses(services.settings)
        while true {
            do {
                return try await store()
            } catch let error as CatalogError where error.code != .damaged {
                try await services.time.sleep(for: pauses.next())
            }
        }
    }

    private static let preparation = PartitionNumber(-1)

    private func move(_ event: TaskEvent, reason newReason: String?) async {
        let before = (state, reason)
        state = state.after(event)
        if state == .running { reason = "" } else if let newReason { reason = newReason }
        guard before != (state, reason) else { return }
        if before.0 != state {
            logger.log(
                state == .abnormal ? .warning : .info, "transfer task changed its state",
                ["from": before.0.rawValue, "to": state.rawValue, "reason": reason])
        }
        // One store at a time; changes meanwhile are stored by whoever is at it. A failure costs no more than a listing
        // that lags behind: the next change tries again.
        hasChanged = true
        guard !isStoring else { return }
        isStoring = true
        defer { isStoring = false }
        while hasChanged {
            hasChanged = false
            do {
                try await store()
            } catch {
                logger.debug("the state of a transfer task could not be stored", ["error": "\(error)"])
            }
        }
    }

    private func store() async throws {
        let record = StatusRecord(state: state, reason: reason)
        try await services.store.commit([try TransferStore.put(TransferKeys.status(owner.task), record)], as: owner)
    }
}

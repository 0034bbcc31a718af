internal import SluiceCore
internal import Synchronization

/// The memory of one task's deliveries: never more than its own budget, and of the shared memory the part that its
/// pace allows.
final class TaskMemory: Sendable {
    /// A delivery that took longer and moved fewer bytes a second than `slowRate` counts as slow.
    static let slowTime: Duration = .seconds(10)
    /// Bytes a second.
    static let slowRate = 1 << 20

    private let own: MemoryBudget
    private let shared: SharedMemory
    private let place: MemoryBudget
    private let time: any TimeSource
    private let isHampered = Atomic<Bool>(false)

    init(own: MemoryBudget, shared: SharedMemory, place: MemoryBudget, time: any TimeSource) {
        self.own = own
        self.shared = shared
        self.place = place
        self.time = time
    }

    /// Runs `body` while holding `bytes`. Throws `CancellationError` when cancelled while waiting.
    func withShare<Result>(of bytes: Int, _ body: () async throws -> Result) async throws -> Result {
        // From the narrowest budget to the widest, so that nobody holds what others need while waiting for itself.
        try await own.withShare(of: bytes) {
            if isHampered.load(ordering: .relaxed) {
                return try await shared.patient.withShare(of: bytes) { try await body() }
            }
            return try await place.withShare(of: bytes) {
                try await shared.ready.withShare(of: bytes) { try await body() }
            }
        }
    }

    /// Runs a delivery while holding `bytes`, and learns from it how fast the destination is.
    /// - Parameter body: answers how many bytes it has moved.
    func withDelivery(holding bytes: Int, _ body: () async throws -> Int) async throws {
        try await withShare(of: bytes) {
            let begun = time.elapsed()
            let moved = try await body()
            let took = time.elapsed() - begun
            let isSlow = took > Self.slowTime && Double(moved) < took / .seconds(1) * Double(Self.slowRate)
            isHampered.store(isSlow, ordering: .relaxed)
        }
    }

    /// A delivery has failed: until one succeeds, the task waits with others of its kind.
    func noteFailure() {
        isHampered.store(true, ordering: .relaxed)
    }
}

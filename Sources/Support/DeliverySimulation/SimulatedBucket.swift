internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// What the store holds, and how it feels.
final class SimulatedBucket: Sendable {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        /// Objects that the store has taken and does not show yet, with the number of questions until it does.
        var hidden: [String: Int] = [:]
        /// Objects that read back wrong, with the number of questions until they do not.
        var misread: [String: Int] = [:]
        /// Writes that nobody waits for any more and that happen all the same.
        var late: [(at: Duration, key: String, bytes: [UInt8])] = []
        var fullUntil = Duration.zero
        var throttledUntil = Duration.zero
        var refusedUntil = Duration.zero
        var isGone = false

        mutating func settle(_ now: Duration) {
            while let index = late.firstIndex(where: { $0.at <= now }) {
                let write = late.remove(at: index)
                objects[write.key] = write.bytes
            }
        }
    }

    private let time: SimulationTime
    private let state = Mutex(State())

    init(time: SimulationTime) {
        self.time = time
    }

    private func with<Value>(_ body: (inout State) -> sending Value) -> sending Value {
        let now = time.elapsed()
        return state.withLock { state in
            state.settle(now)
            return body(&state)
        }
    }

    /// All objects, late ones included.
    var objects: [String: [UInt8]] {
        state.withLock { state in
            state.settle(.seconds(Int64.max / 4))
            return state.objects
        }
    }

    var isFull: Bool { with { $0.fullUntil } > time.elapsed() }
    var isThrottled: Bool { with { $0.throttledUntil } > time.elapsed() }

    /// Why it takes and shows nothing until a person has mended it; nil when it does.
    var refusal: SinkError? {
        let now = time.elapsed()
        return with { state in
            guard state.refusedUntil > now else { return nil }
            return state.isGone ? SinkError(.notFound, "no such bucket") : SinkError(.accessDenied, "access denied")
        }
    }

    func refuse(isGone: Bool, for duration: Duration) {
        let until = time.elapsed() + duration
        with { state in
            state.refusedUntil = until
            state.isGone = isGone
        }
    }

    func store(_ key: String, _ bytes: [UInt8], hiddenFor questions: Int = 0, misreadFor misreads: Int = 0) {
        with { state in
            state.objects[key] = bytes
            state.hidden[key] = questions
            state.misread[key] = misreads
        }
    }

    /// Stores unless there is an object of that name.
    func storeFirst(_ key: String, _ bytes: [UInt8]) {
        with { state in
            if state.objects[key] == nil { state.objects[key] = bytes }
        }
    }

    func storeLater(_ key: String, _ bytes: [UInt8], in delay: Duration) {
        let at = time.elapsed() + delay
        with { $0.late.append((at, key, bytes)) }
    }

    func fill(for duration: Duration) {
        let until = time.elapsed() + duration
        with { $0.fullUntil = until }
    }

    func throttle(for duration: Duration) {
        let until = time.elapsed() + duration
        with { $0.throttledUntil = until }
    }

    /// What a reader gets of an object now.
    func visible(_ key: String) -> [UInt8]? {
        with { state in
            if let left = state.hidden[key], left > 0 {
                state.hidden[key] = left - 1
                return nil
            }
            guard var bytes = state.objects[key] else { return nil }
            if let left = state.misread[key], left > 0, !bytes.isEmpty {
                state.misread[key] = left - 1
                bytes[bytes.count / 2] ^= 0x10
            }
            return bytes
        }
    }
}

internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// The stores that a process knows.
struct SimulatedSinks: ObjectSinkProvider {
    let world: SimulatedWorld
    let life: Life
    private let believed = SimulatedSink.Believed()

    init(world: SimulatedWorld, life: Life) {
        self.world = world
        self.life = life
    }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        guard let found = world.bucket(bucket) else { throw SinkError(.notFound, "there is no bucket \(bucket)") }
        return SimulatedSink(world: world, life: life, bucket: found, believed: believed)
    }
}

/// A bucket that answers late, wrongly or not at all.
struct SimulatedSink: ObjectSink {
    let world: SimulatedWorld
    let life: Life
    let bucket: SimulatedBucket
    let believed: Believed

    /// What a service that believes rather than looks thinks it has written.
    final class Believed: Sendable {
        let objects = Mutex<[String: [UInt8]]>([:])
    }

    private var believes: Bool { world.bug == .progressBeforeConfirm || world.bug == .notReadBack }
    private var hostility: Int { world.hostility.store }
    private static let dead = SinkError(.cancelled, "dead")

    func prepare() async throws(SinkError) {
        guard await life.step() else { throw Self.dead }
        if let refusal = bucket.refusal { throw refusal }
        if world.numbers.chance(hostility / 2) { throw SinkError(.unavailable, "not reachable") }
    }

    private func name(_ key: String) -> String {
        guard world.bug == .nameWithoutRange else { return key }
        return key.split(separator: "_").dropLast(2).joined(separator: "_")
    }

    func write(_ key: String, body: ObjectBody) async throws {
        var bytes: [UInt8] = []
        while let piece = try await body.next() {
            // An upload that ends between its parts, whoever dies, leaves nothing to see.
            guard await life.step() else { throw Self.dead }
            if world.numbers.chance(hostility / 5) { throw SinkError(.unavailable, "the upload broke off") }
            bytes += piece
        }
        let key = name(key)
        if believes {
            let whole = bytes
            believed.objects.withLock { $0[key] = whole }
        }
        if world.bug == .progressBeforeConfirm {
            if world.numbers.chance(50) { bucket.store(key, bytes) }
            return
        }
        guard await life.step() else { throw Self.dead }
        if world.numbers.chance(hostility) {
            try await world.time.sleep(for: .milliseconds(world.numbers.below(3000)))
            guard await life.goesOn() else { throw Self.dead }
        }
        if let refusal = bucket.refusal { throw refusal }
        if hostility > 0, bucket.isThrottled { throw SinkError(.throttled, "slow down") }
        if hostility > 0, bucket.isFull { throw SinkError(.full, "the quota is used up") }
        if world.numbers.chance(hostility) { return try misbehave(key, bytes) }
        bucket.store(key, bytes)
        guard await life.step() else { throw Self.dead }
    }

    private func misbehave(_ key: String, _ bytes: [UInt8]) throws(SinkError) {
        let numbers = world.numbers
        let period = Duration.milliseconds(500 + numbers.below(8000))
        let misdeed = numbers.below(12)
        if world.isStoreHonest, misdeed >= 4, misdeed != 7 { throw SinkError(.unavailable, "refused") }
        switch misdeed {
        case 0:
            bucket.throttle(for: period)
            throw SinkError(.throttled, "slow down")
        case 1: throw SinkError(.unavailable, "refused before anything happened")
        case 2:
            bucket.store(key, bytes)
            throw SinkError(.unavailable, "the answer got lost after success")
        case 3:
            bucket.store(key, bytes)
            throw SinkError(.full, "an error after success")
        case 4:
            // The writer hears of a failure, the object is there and shows itself late.
            bucket.store(key, bytes, hiddenFor: 1 + numbers.below(3))
            throw SinkError(.unavailable, "no answer in time")
        case 5:
            // Success, but listings and reads show it late.
            bucket.store(key, bytes, hiddenFor: 1 + numbers.below(2))
        case 6 where world.hasLateWrites:
            // The writer hears of a failure, and the store goes on and succeeds later, perhaps after the writer's death.
            bucket.storeLater(key, bytes, in: period * 3)
            throw SinkError(.unavailable, "no answer in time")
        case 7:
            bucket.fill(for: period)
            throw SinkError(.full, "the quota is used up")
        case 8:
            // Success, with a bit that fell over on the way: only reading back finds out. Whoever has been replaced may
            // write once more what is there already, and nobody would read that back: a good object stays.
            var damaged = bytes
            if !damaged.isEmpty { damaged[numbers.below(damaged.count)] ^= 1 << UInt8(numbers.below(8)) }
            bucket.storeFirst(key, damaged)
        case 9: bucket.store(key, bytes, misreadFor: 1 + numbers.below(2))
        case 10: bucket.storeFirst(key, Array(bytes.prefix(bytes.count / 2)))
        default: break  // Answers success and has nothing.
        }
    }

    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
        guard await life.step() else { throw Self.dead }
        if let refusal = bucket.refusal { throw refusal }
        if world.numbers.chance(hostility / 4) { throw SinkError(.unavailable, "no answer") }
        let key = name(key)
        let bytes =
            believes
            ? believed.objects.withLock({ $0[key] }) : bucket.visible(key)
        return bytes.map(body) != nil
    }

    func holds(_ key: String) async throws(SinkError) -> Bool {
        if world.bug == .namesNotLookedUp { return false }
        return try await examine(key) != nil
    }
}

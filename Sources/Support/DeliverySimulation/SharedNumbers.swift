internal import SluiceTesting
internal import Synchronization

/// The numbers of one run; everything runs on one thread, so that the order of draws follows from the seed.
package final class SharedNumbers: Sendable {
    private let random: Mutex<SeededRandom>

    package init(seed: UInt64) {
        random = Mutex(SeededRandom(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1))
    }

    package func next() -> UInt64 { random.withLock { $0.next() } }
    package func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    package func chance(_ percent: Int) -> Bool { percent > 0 && below(100) < percent }
}

package import SluiceCore
internal import Synchronization

/// Tells whoever asked that a stream got other partitions or settings, or is gone; costs nothing meanwhile.
package final class StreamWatchers: Sendable {
    package enum Event: Sendable {
        case changed
        case deleted
    }

    private let handlers = Mutex<[Int: @Sendable (StreamID, Event) -> Void]>([:])
    private let count = Mutex(0)

    /// Calls `handler` for every later event, from the task that made the change; it must not block.
    /// The token ends it.
    package func add(_ handler: @escaping @Sendable (StreamID, Event) -> Void) -> Int {
        let token = count.withLock { count in
            count += 1
            return count
        }
        handlers.withLock { $0[token] = handler }
        return token
    }

    package func remove(_ token: Int) {
        _ = handlers.withLock { $0.removeValue(forKey: token) }
    }

    func streamChanged(_ stream: LiveStream) { tell(stream.record.id, .changed) }
    func streamDeleted(_ id: StreamID) { tell(id, .deleted) }

    /// Who asked first is told first.
    private func tell(_ id: StreamID, _ event: Event) {
        let asking = handlers.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
        for handler in asking { handler(id, event) }
    }
}

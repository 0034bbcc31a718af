package import SluiceCore
internal import Synchronization

/// A place that keeps whole objects under names: a bucket, a folder, a file system.
///
/// Sinks of this kind deliver exactly once by *intent, then idempotent write*: the caller saves range and name first,
/// writes the same bytes to the same name however often it must, reads back, and moves on when both agree.
package protocol ObjectSink: Sendable {
    /// The store behind it; nil where nobody needs to tell stores apart.
    var place: SinkPlace? { get }

    /// Checks that the destination exists and takes objects; makes it where the adapter's own rules say so.
    func prepare() async throws(SinkError)

    /// Writes a whole object, replacing what has that name. Readers see the old object or the new one, never a part.
    /// An error leaves it open whether the object was written. Errors of the body pass through unchanged; a cancelled
    /// task makes the call end soon.
    func write(_ key: String, body: ObjectBody) async throws

    /// Hands the bytes that the destination keeps under that name to `body`, piece by piece; false when there is nothing.
    func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool

    /// The objects whose keys begin with `prefix` and come after `after`, in the order of the bytes of their keys: at most
    /// `limit` of them, and perhaps fewer.
    func list(below prefix: String, after: String?, limit: Int) async throws(SinkError) -> ObjectListing

    /// Whether there is an object of that name; cheaper than `read` where the destination can tell without its bytes.
    func holds(_ key: String) async throws(SinkError) -> Bool
}

extension ObjectSink {
    package var place: SinkPlace? { nil }

    /// What the destination holds under that name, measured on the bytes it keeps; nil when there is nothing.
    package func examine(_ key: String) async throws(SinkError) -> ObjectFacts? {
        let meter = ObjectMeter()
        return try await read(key) { meter.add($0) } ? meter.facts : nil
    }

    package func list(below prefix: String, after: String?, limit: Int) async throws(SinkError) -> ObjectListing {
        throw SinkError(.refused, "the destination does not list its objects")
    }

    package func holds(_ key: String) async throws(SinkError) -> Bool { try await read(key) { _ in } }
}

/// What tells stores apart: a folder of buckets on the server, or an endpoint.
package struct SinkPlace: Sendable, Hashable, CustomStringConvertible {
    private static let folderMark = "folder:"

    /// As it is stored and compared.
    package let text: String

    /// - Parameter text: of another place.
    package init(_ text: String) {
        self.text = text
    }

    package static func folder(_ path: String) -> SinkPlace { SinkPlace(folderMark + path) }

    /// - Parameter authority: `host` or `host:port`.
    package static func endpoint(_ authority: String) -> SinkPlace { SinkPlace(authority) }

    /// As users see it, who need not know where the server keeps its files.
    package var description: String { text.hasPrefix(Self.folderMark) ? "folder" : text }
}

/// Where sinks come from: settings decide which destination stands behind a project, an agency and a bucket.
package protocol ObjectSinkProvider: Sendable {
    /// The sink of a bucket; throws `unknownDestination` when no destination fits.
    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink

    /// Whether a destination was configured for the agency in the project; false where `sink` falls back to something
    /// that nobody has named. True unless the provider says otherwise.
    func hasDestination(project: ProjectID, agency: String) -> Bool

    /// A name for the store behind an agency of a project, the same for all that share it: what one store's trouble may
    /// take up is bounded. By default each agency of each project counts as a store of its own.
    func place(project: ProjectID, agency: String) -> String

    /// Learns of destinations that another process has just added or removed, as well as that is possible. Asked for
    /// before a destination is chosen for good; nothing to do unless the provider says otherwise.
    func refresh() async
}

extension ObjectSinkProvider {
    package func hasDestination(project: ProjectID, agency: String) -> Bool { true }
    package func place(project: ProjectID, agency: String) -> String { "\(project)/\(agency)" }
    package func refresh() async {}
}

/// An object's bytes, pulled piece by piece by whoever writes them.
package struct ObjectBody: Sendable {
    /// The length in bytes where it is known beforehand.
    package let length: Int?
    /// The next piece, nil at the end; never called again after nil or an error.
    package let next: @Sendable () async throws -> [UInt8]?

    package init(length: Int? = nil, next: @escaping @Sendable () async throws -> [UInt8]?) {
        self.length = length
        self.next = next
    }
}

/// Length and checksum of an object's bytes.
package struct ObjectFacts: Sendable, Hashable {
    package let length: Int
    package let crc32c: UInt32

    package init(length: Int, crc32c: UInt32) {
        self.length = length
        self.crc32c = crc32c
    }
}

/// An object as a listing shows it.
package struct ListedObject: Sendable, Hashable {
    package let key: String
    package let length: Int
    package let modifiedAt: Timestamp

    package init(key: String, length: Int, modifiedAt: Timestamp) {
        self.key = key
        self.length = length
        self.modifiedAt = modifiedAt
    }
}

/// A part of a listing.
package struct ObjectListing: Sendable, Hashable {
    package var objects: [ListedObject]
    /// Whether there are others after the last of them; never with an empty list.
    package var hasMore: Bool

    package init(objects: [ListedObject], hasMore: Bool) {
        self.objects = objects
        self.hasMore = hasMore
    }
}

/// Measures an object's bytes as they come.
package final class ObjectMeter: Sendable {
    private let state = Mutex((length: 0, crc: UInt32(0)))

    package init() {}

    /// Of the bytes so far.
    package var facts: ObjectFacts { state.withLock { ObjectFacts(length: $0.length, crc32c: $0.crc) } }

    package func add(_ bytes: [UInt8]) {
        state.withLock { state in
            state.length += bytes.count
            state.crc = CRC32C.checksum(bytes, continuing: state.crc)
        }
    }
}

/// Why a destination refused or failed.
package struct SinkError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// No configured destination fits the project, agency and bucket.
        case unknownDestination
        /// The bucket or folder is not there.
        case notFound
        case accessDenied
        /// The destination will never take this object: its name or size is against its rules.
        case refused
        /// No space left, or a quota is used up; heals when somebody makes room.
        case full
        case throttled
        /// Not reachable, timed out or failed inside; whether a write happened is unknown.
        case unavailable
        case cancelled
    }

    package let code: Code
    /// A sentence for the operator, without credentials or record data.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same call may succeed later without anybody's help to the task.
    package var isRetriable: Bool {
        switch code {
        case .full, .throttled, .unavailable: true
        case .unknownDestination, .notFound, .accessDenied, .refused, .cancelled: false
        }
    }

    package var description: String { "\(code): \(message)" }
}

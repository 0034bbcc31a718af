package import SluiceCore

/// What transfer tasks need to know of streams: look one up, and hear of changes without polling.
package protocol StreamLookup: Sendable {
    /// The stream of that name or id within the project; an id wins over an equal name. Nil when there is none.
    func describe(_ reference: String, in project: ProjectID) async throws(StreamLookupError) -> StreamDescription?

    /// The stream of that id; nil when it does not exist or no longer does.
    func describe(_ id: StreamID) async throws(StreamLookupError) -> StreamDescription?

    /// Waits until the stream differs from the version given (at once if it already does) and returns it as it is
    /// then; nil when it was deleted. Throws `cancelled` when the task is cancelled.
    func waitForChange(of id: StreamID, since version: Int64) async throws(StreamLookupError) -> StreamDescription?
}

/// A stream at one moment.
package struct StreamDescription: Sendable, Equatable {
    package var id: StreamID
    package var name: StreamName
    package var project: ProjectID
    package var dataType: StreamDataType
    /// The Avro schema given at creation, letter for letter; nil when there is none.
    package var dataSchema: String?
    /// All partitions that were ever made and are still listed, in the order of their numbers.
    package var partitions: [PartitionDescription]
    /// Grows with every change of the members above, so that waiters miss none.
    package var version: Int64

    package init(
        id: StreamID, name: StreamName, project: ProjectID, dataType: StreamDataType, dataSchema: String? = nil,
        partitions: [PartitionDescription], version: Int64
    ) {
        self.id = id
        self.name = name
        self.project = project
        self.dataType = dataType
        self.dataSchema = dataSchema
        self.partitions = partitions
        self.version = version
    }
}

/// What the records of a stream are (spec section 1.1).
package enum StreamDataType: String, Sendable, CaseIterable {
    case blob = "BLOB"
    case json = "JSON"
    case csv = "CSV"
    case file = "FILE"
}

/// A partition as listings show it.
package struct PartitionDescription: Sendable, Equatable {
    package var number: PartitionNumber
    /// `CREATING`, `ACTIVE`, `DELETED` or `EXPIRED` (spec section 2.1.3).
    package var status: String
    /// `[a : b]` as the public API writes it.
    package var hashRange: String
    package var parents: [PartitionNumber]
    /// Records below this number are past the stream's retention, whether or not the log still has them.
    package var earliest: SequenceNumber

    package init(
        number: PartitionNumber, status: String = "ACTIVE", hashRange: String = "", parents: [PartitionNumber] = [],
        earliest: SequenceNumber = .zero
    ) {
        self.number = number
        self.status = status
        self.hashRange = hashRange
        self.parents = parents
        self.earliest = earliest
    }
}

/// Why streams could not be looked up.
package struct StreamLookupError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The catalog behind does not answer; the same call may succeed later.
        case unavailable
        case cancelled
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}

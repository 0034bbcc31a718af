package import SluiceCore

/// A stream as the catalog keeps it: settings, partitions and everything else that belongs to it alone.
package struct Stream: Sendable, Codable, Equatable {
    /// The version of this record's form; a reader refuses a later one.
    package static let formatVersion = 1

    package var version = Stream.formatVersion
    package let id: StreamID
    package let name: StreamName
    package let project: ProjectID
    package var kind: StreamKind
    package var dataType: DataType
    /// How long records stay readable, in hours: 24 to 168 (spec section 1.2).
    package var retentionHours: Int
    /// An Avro schema as JSON text; only for JSON and CSV streams.
    package var dataSchema: String?
    package var csvDelimiter: String?
    /// How producers say they compressed record data; stored and echoed only (spec section 3.4).
    package var compressionFormat: String?
    package var autoScaling: AutoScaling
    package var tags: [Tag]
    package var systemTags: [Tag]
    package let createdAt: Timestamp
    package var modifiedAt: Timestamp
    /// Ordered by number; closed ones stay listed.
    package var partitions: [Partition]
    /// The scaling log, newest last; at most `maximumScalings`.
    package var scalings: [Scaling] = []
    package var policies: [Policy] = []
    /// Set by an operator; a frozen stream refuses puts and gets.
    package var isFrozen = false

    package static let maximumScalings = 500

    package init(
        id: StreamID, name: StreamName, project: ProjectID, kind: StreamKind = .common, dataType: DataType = .blob,
        retentionHours: Int = 24, dataSchema: String? = nil, csvDelimiter: String? = nil,
        compressionFormat: String? = nil, autoScaling: AutoScaling = .off, tags: [Tag] = [], systemTags: [Tag] = [],
        createdAt: Timestamp, partitions: [Partition]
    ) {
        self.id = id
        self.name = name
        self.project = project
        self.kind = kind
        self.dataType = dataType
        self.retentionHours = retentionHours
        self.dataSchema = dataSchema
        self.csvDelimiter = csvDelimiter
        self.compressionFormat = compressionFormat
        self.autoScaling = autoScaling
        self.tags = tags
        self.systemTags = systemTags
        self.createdAt = createdAt
        modifiedAt = createdAt
        self.partitions = partitions
    }

    package var retention: Duration { .seconds(retentionHours * 3600) }

    package var activePartitionCount: Int { partitions.count { $0.status == .active } }

    /// Active and closed ones; expired ones hold no record any more.
    package var readablePartitionCount: Int { partitions.count { $0.status != .expired } }

    package func partition(_ number: PartitionNumber) -> Partition? {
        partitions.indices.contains(number.value) ? partitions[number.value] : nil
    }
}

/// The capacity class of a stream; it decides the throughput of a partition and which quota applies (spec section 1.2).
package enum StreamKind: String, Sendable, Codable, CaseIterable {
    case common = "COMMON"
    case advanced = "ADVANCED"

    /// Writes a partition takes each second: bytes and records.
    package var writeLimit: (bytes: Int, records: Int) {
        switch self {
        case .common: (1 << 20, 1000)
        case .advanced: (5 << 20, 2000)
        }
    }

    /// Bytes read from a partition each second.
    package var readLimit: Int { 2 * writeLimit.bytes }
}

/// What the records of a stream hold; decides which dump destinations suit (spec section 4.4).
package enum DataType: String, Sendable, Codable, CaseIterable {
    case blob = "BLOB"
    case json = "JSON"
    case csv = "CSV"
    case file = "FILE"
}

/// One partition of a stream.
package struct Partition: Sendable, Codable, Equatable {
    package enum Status: String, Sendable, Codable {
        case active = "ACTIVE"
        /// Closed by scaling down: readable, not writable.
        case deleted = "DELETED"
        /// Closed, and its records have passed the retention.
        case expired = "EXPIRED"
    }

    package let number: PartitionNumber
    package var status: Status
    /// The inclusive range of key hashes that it takes, or took last.
    package var hashRange: ClosedRange<UInt64>
    package var parents: [PartitionNumber]
    /// When it was closed; nil while active.
    package var closedAt: Timestamp?
}

/// A key and a value by which users group streams (spec section 2.6).
package struct Tag: Sendable, Codable, Hashable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// Bounds within which the number of active partitions follows the load (spec section 3.6).
package struct AutoScaling: Sendable, Codable, Equatable {
    package var isEnabled: Bool
    package var minimum: Int
    package var maximum: Int

    package init(isEnabled: Bool, minimum: Int, maximum: Int) {
        self.isEnabled = isEnabled
        self.minimum = minimum
        self.maximum = maximum
    }

    package static let off = AutoScaling(isEnabled: false, minimum: 0, maximum: 0)
}

/// An entry of the scaling log.
package struct Scaling: Sendable, Codable, Equatable {
    package let at: Timestamp
    package let from: Int
    package let to: Int
    package let succeeded: Bool
    package let isAutomatic: Bool
}

/// Lets, or forbids, a principal of another project to use a stream by its id (spec section 2.9.5).
package struct Policy: Sendable, Codable, Equatable {
    package enum Action: String, Sendable, Codable, CaseIterable {
        case putRecords, getRecords, getStreamInfo
    }

    package enum Effect: String, Sendable, Codable {
        case accept, deny
    }

    /// The id of the principal where the rule came by id, else empty.
    package var principalID: String
    /// `domain.*` or `domain.user`, a comma list allowed; empty where the rule came by id.
    package var principalName: String
    package var action: Action
    package var effect: Effect

    package init(principalID: String, principalName: String, action: Action, effect: Effect) {
        self.principalID = principalID
        self.principalName = principalName
        self.action = action
        self.effect = effect
    }
}

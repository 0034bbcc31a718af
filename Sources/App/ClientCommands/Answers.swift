internal import SluiceCore
internal import Terminal

// What the commands read of the service's answers; members they do not need are left out, and those that a server may
// omit are optional.

struct StreamSummary: Decodable {
    var streamName: String
    var streamType: String?
    var dataType: String?
    var status: String?
    var partitionCount: Int?
    var retentionPeriod: Int?
    var createTime: Int64?
}

struct StreamList: Decodable {
    var hasMoreStreams: Bool
    var streamNames: [String]
    var streamInfoList: [StreamSummary]?
}

struct StreamAnswer: Decodable {
    var streamName: String
    var streamId: String?
    var streamType: String?
    var dataType: String?
    var dataSchema: String?
    var compressionFormat: String?
    var status: String?
    var retentionPeriod: Int?
    var createTime: Int64?
    var lastModifiedTime: Int64?
    var readablePartitionCount: Int?
    var autoScaleEnabled: Bool?
    var autoScaleMinPartitionCount: Int?
    var autoScaleMaxPartitionCount: Int?
    var tags: [Tag]?
    var partitions: [Partition]
    var hasMorePartitions: Bool?

    struct Tag: Decodable {
        var key: String
        var value: String?
    }

    struct Partition: Decodable {
        var partitionId: String
        var status: String?
        var hashRange: String?
        var sequenceNumberRange: String?
        var parentPartitions: String?

        /// The earliest and the next number of `[earliest : next]`; nil when there is none.
        var range: (earliest: Int64, next: Int64)? {
            guard let text = sequenceNumberRange, text.hasPrefix("["), text.hasSuffix("]") else { return nil }
            let parts = text.dropFirst().dropLast().split(separator: ":").map { $0.filter { $0 != " " } }
            guard parts.count == 2, let earliest = Int64(parts[0]), let next = Int64(parts[1]) else { return nil }
            return (earliest, next)
        }

        var isReadable: Bool { status != "EXPIRED" && range != nil }
    }
}

struct AppSummary: Decodable {
    var appId: String?
    var appName: String
    var createTime: Int64?
    var commitCheckpointStreamNames: [String]?
}

struct AppList: Decodable {
    var hasMoreApp: Bool
    var apps: [AppSummary]
}

struct ConsumerState: Decodable {
    struct Partition: Decodable {
        var partitionId: String
        var sequenceNumber: String
        var latestOffset: Int64?
        var earliestOffset: Int64?
        var status: String?
    }
    var hasMore: Bool?
    var partitionConsumingStates: [Partition]
}

struct CheckpointAnswer: Decodable {
    var sequenceNumber: String
    var metadata: String?
}

struct CursorAnswer: Decodable {
    var partitionCursor: String
}

struct RecordsAnswer: Decodable {
    struct Record: Decodable {
        var partitionKey: String?
        var sequenceNumber: String
        var data: String
        var timestamp: Int64?
    }
    var records: [Record]
    var nextPartitionCursor: String
}

struct PutAnswer: Decodable {
    struct Result: Decodable {
        var partitionId: String?
        var sequenceNumber: String?
        var errorCode: String?
        var errorMessage: String?
    }
    var records: [Result]
}

struct TaskSummary: Decodable {
    var taskId: String?
    var taskName: String
    var state: String?
    var destinationType: String?
    var createTime: Int64?
    var lastTransferTimestamp: Int64?
}

struct TaskList: Decodable {
    var tasks: [TaskSummary]
    var quota: Int?
}

struct TaskAnswer: Decodable {
    struct Partition: Decodable {
        var partitionId: String
        var state: String?
        var lastTransferTimestamp: Int64?
        var lastTransferOffset: Int64?
        var discard: Int64?
        var startSequenceNumber: WireNumber?
        var nextSequenceNumber: WireNumber?
        var parked: Int?
        var lag: Lag?
    }

    struct Lag: Decodable {
        var records = 0
        var bytes = 0
        var seconds = 0.0
    }
    var taskName: String
    var taskId: String?
    var state: String?
    var reason: String?
    var destinationType: String?
    var createTime: Int64?
    var lastTransferTimestamp: Int64?
    var lag: Lag?
    var delivered: Int?
    var deliveredBytes: Int?
    var parked: Int?
    var lastObject: String?
    var partitions: [Partition]?
    var obsDestinationDescription: JSONValue?
}

struct Deliveries: Decodable {
    struct Delivery: Decodable {
        var object: String
        var partitionId: String
        var firstSequenceNumber: WireNumber
        var lastSequenceNumber: WireNumber
        var records: Int
        var bytes: Int?
        var checksum: String?
        var deliveredAt: Int64?
        var destination: String?
    }
    var deliveries: [Delivery]
    var next: String?
}

/// A number that may be written as text.
struct WireNumber: Decodable {
    let value: Int64

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            value = number
        } else if let number = Int64(try container.decode(String.self)) {
            value = number
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a whole number")
        }
    }
}

/// A time of the service as people read it; nothing for zero and nil.
func timeText(_ milliseconds: Int64?) -> String {
    guard let milliseconds, milliseconds > 0 else { return "" }
    return HumanText.time(Timestamp(milliseconds: milliseconds))
}

extension CommandCall {
    /// Prints a service's answer for programs as it came, on one line.
    func printAnswer(_ body: [UInt8]) async throws {
        let text = String(decoding: body, as: UTF8.self)
        try await console.print(text.isEmpty ? "{}" : text)
    }

    /// Says to a person that something was done; nothing to programs but an empty object.
    func printDone(_ text: String) async throws {
        try await console.print(isForPrograms ? "{}" : text)
    }
}

// Bodies of the transfer task operations, letter for letter (spec sections 2.5 and 2.9.3).

/// An object, or an array of at most one: the old form of create-stream wrote descriptors as arrays.
package struct OneOrFirst<Element: Decodable & Sendable>: Decodable, Sendable {
    package let value: Element?

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if var list = try? decoder.unkeyedContainer() {
            value = list.isAtEnd ? nil : try list.decode(Element.self)
            guard list.isAtEnd else {
                throw DecodingError.typeMismatch(
                    Element.self, .init(codingPath: decoder.codingPath, debugDescription: "must be one object"))
            }
        } else {
            value = try container.decode(Element.self)
        }
    }
}

package struct ProcessingSchemaBody: Codable, Sendable {
    package var timestamp_name: LenientString?
    package var timestamp_type: LenientString?
    package var timestamp_format: LenientString?

    package init(timestamp_name: String?, timestamp_type: String?, timestamp_format: String?) {
        self.timestamp_name = timestamp_name.map { LenientString($0) }
        self.timestamp_type = timestamp_type.map { LenientString($0) }
        self.timestamp_format = timestamp_format.map { LenientString($0) }
    }
}

/// The descriptor of an OBS destination, in requests and, as its description, in answers.
package struct OBSDescriptorBody: Codable, Sendable {
    package var task_name: LenientString?
    package var agency_name: LenientString?
    package var deliver_time_interval: LenientInt?
    package var consumer_strategy: LenientString?
    package var retry_duration: LenientInt?
    package var obs_bucket_path: LenientString?
    package var file_prefix: LenientString?
    package var partition_format: LenientString?
    package var destination_file_type: LenientString?
    package var record_delimiter: LenientString?
    package var processing_schema: ProcessingSchemaBody?
    package var deliver_size_interval: LenientInt?
    package var compression_format: LenientString?
    package var carbon_properties: [String: LenientString]?
    package var deliver_data_type: LenientString?
    /// Only in answers.
    package var avro_schema: String?

    package init() {}

    /// Whether no member says anything: some clients send `{}` for what they do not mean.
    package var isEmpty: Bool {
        let texts = [
            task_name, agency_name, consumer_strategy, obs_bucket_path, file_prefix, partition_format,
            destination_file_type, record_delimiter, compression_format, deliver_data_type,
        ]
        return texts.allSatisfy { ($0?.value ?? "").isEmpty } && deliver_time_interval == nil && retry_duration == nil
            && deliver_size_interval == nil
    }
}

/// POST and PUT `…/transfer-tasks`.
package struct TransferTaskBody: Decodable, Sendable {
    package let destination_type: LenientString?
    package let obs_destination_descriptor: OneOrFirst<OBSDescriptorBody>?
    package let mrs_destination_descriptor: OneOrFirst<OBSDescriptorBody>?
    package let dli_destination_descriptor: OneOrFirst<OBSDescriptorBody>?
    package let dws_destination_descriptor: OneOrFirst<OBSDescriptorBody>?
    package let cloudtable_destination_descriptor: OneOrFirst<OBSDescriptorBody>?
}

/// POST `…/transfer-tasks/action`.
package struct TransferTaskActionBody: Decodable, Sendable {
    package struct Task: Decodable, Sendable {
        package let id: LenientString?
    }

    package let action: LenientString?
    package let tasks: [Task]?
}

package struct TransferTaskAnswer: Encodable, Sendable {
    package var task_id: String
    package var task_name: String
    package var state: String
    package var destination_type: String
    package var create_time: Int64
    package var last_transfer_timestamp: Int64?

    package init(
        task_id: String, task_name: String, state: String, destination_type: String, create_time: Int64,
        last_transfer_timestamp: Int64?
    ) {
        self.task_id = task_id
        self.task_name = task_name
        self.state = state
        self.destination_type = destination_type
        self.create_time = create_time
        self.last_transfer_timestamp = last_transfer_timestamp
    }
}

package struct ListTransferTasksAnswer: Encodable, Sendable {
    package var total_number: Int
    package var quota: Int
    package var tasks: [TransferTaskAnswer]

    package init(total_number: Int, quota: Int, tasks: [TransferTaskAnswer]) {
        self.total_number = total_number
        self.quota = quota
        self.tasks = tasks
    }
}

/// How far behind a task or partition is; Sluice's own.
package struct TransferLagAnswer: Encodable, Sendable {
    package var records: Int
    package var bytes: Int
    /// The age of the oldest record not yet delivered; 0 when there is none.
    package var seconds: Double

    package init(records: Int, bytes: Int, seconds: Double) {
        self.records = records
        self.bytes = bytes
        self.seconds = seconds
    }
}

/// A partition's progress: the union of the two public shapes.
package struct PartitionTransferAnswer: Encodable, Sendable {
    package var partition_id: String
    package var partitionId: String
    package var status: String
    package var state: String
    package var hash_range: String
    /// Absent when the partition has expired.
    package var sequence_number_range: String?
    package var parent_partitions: String
    package var last_transfer_timestamp: Int64?
    package var last_transfer_offset: Int64
    package var discard: Int
    // Sluice's own members from here on.
    /// Absent when it is not known.
    package var start_sequence_number: String?
    package var next_sequence_number: String?
    package var delivered: Int?
    package var parked: Int?
    package var lag: TransferLagAnswer?

    package init(
        partition_id: String, status: String, state: String, hash_range: String, sequence_number_range: String?,
        parent_partitions: String, last_transfer_timestamp: Int64?, last_transfer_offset: Int64, discard: Int
    ) {
        self.partition_id = partition_id
        partitionId = partition_id
        self.status = status
        self.state = state
        self.hash_range = hash_range
        self.sequence_number_range = sequence_number_range
        self.parent_partitions = parent_partitions
        self.last_transfer_timestamp = last_transfer_timestamp
        self.last_transfer_offset = last_transfer_offset
        self.discard = discard
    }
}

package struct ShowTransferTaskAnswer: Encodable, Sendable {
    package var stream_name: String
    package var stream_id: String
    package var task_name: String
    package var task_id: String
    package var state: String
    /// The same value as `state`, for a client that reads this one.
    package var status: String
    /// Why the state is ERROR or ABNORMAL; absent otherwise.
    package var reason: String?
    package var destination_type: String
    package var create_time: Int64
    package var last_transfer_timestamp: Int64?
    package var partitions: [PartitionTransferAnswer]
    package var obs_destination_description: OBSDescriptorBody
    // Sluice's own members from here on.
    package var lag: TransferLagAnswer?
    package var delivered: Int?
    package var delivered_bytes: Int?
    package var parked: Int?
    /// Absent before the first delivery.
    package var last_object: String?

    package init(
        stream_name: String, stream_id: String, task_name: String, task_id: String, state: String, reason: String?,
        destination_type: String, create_time: Int64, last_transfer_timestamp: Int64?,
        partitions: [PartitionTransferAnswer], obs_destination_description: OBSDescriptorBody
    ) {
        self.stream_name = stream_name
        self.stream_id = stream_id
        self.task_name = task_name
        self.task_id = task_id
        self.state = state
        status = state
        self.reason = reason
        self.destination_type = destination_type
        self.create_time = create_time
        self.last_transfer_timestamp = last_transfer_timestamp
        self.partitions = partitions
        self.obs_destination_description = obs_destination_description
    }
}

/// One entry of the ledger.
package struct DeliveryAnswer: Encodable, Sendable {
    package var object: String
    package var partition_id: String
    package var first_sequence_number: String
    package var last_sequence_number: String
    package var records: Int
    package var bytes: Int
    /// `crc32c:` and eight hexadecimal digits, over the object's bytes.
    package var checksum: String
    package var delivered_at: Int64
    /// The store, `host:port` or `folder`; absent when an older version has delivered it.
    package var destination: String?

    package init(
        object: String, partition_id: String, first_sequence_number: String, last_sequence_number: String, records: Int,
        bytes: Int, checksum: String, delivered_at: Int64, destination: String?
    ) {
        self.object = object
        self.partition_id = partition_id
        self.first_sequence_number = first_sequence_number
        self.last_sequence_number = last_sequence_number
        self.records = records
        self.bytes = bytes
        self.checksum = checksum
        self.delivered_at = delivered_at
        self.destination = destination
    }
}

package struct DeliveriesAnswer: Encodable, Sendable {
    package var deliveries: [DeliveryAnswer]
    /// Where the next page begins; absent on the last one.
    package var next: String?

    package init(deliveries: [DeliveryAnswer], next: String?) {
        self.deliveries = deliveries
        self.next = next
    }
}

/// POST `/v1/transfertasklog/{task_id}`.
package struct TransferTaskLogBody: Decodable, Sendable {
    package struct Page: Decodable, Sendable {
        package let pageIndex: LenientInt?
        package let pageTotal: LenientInt?
    }

    package let order: LenientString?
    package let sortBy: LenientString?
    package let pageInfo: Page?
}

package struct TransferTaskLogEntryAnswer: Encodable, Sendable {
    package var taskId: String
    package var createTimeStr: String
    package var startTime: Int64
    package var endTime: Int64
    package var state: String
    package var records: Int
    package var readRecords: Int
    package var dataSize: Int
    package var fileName: String
    package var errorMsg: String

    package init(
        taskId: String, createTimeStr: String, startTime: Int64, endTime: Int64, state: String, records: Int,
        readRecords: Int, dataSize: Int, fileName: String, errorMsg: String
    ) {
        self.taskId = taskId
        self.createTimeStr = createTimeStr
        self.startTime = startTime
        self.endTime = endTime
        self.state = state
        self.records = records
        self.readRecords = readRecords
        self.dataSize = dataSize
        self.fileName = fileName
        self.errorMsg = errorMsg
    }
}

package struct TransferTaskLogAnswer: Encodable, Sendable {
    package var totalNum: Int
    package var message: String
    package var transferTaskLogList: [TransferTaskLogEntryAnswer]

    package init(totalNum: Int, transferTaskLogList: [TransferTaskLogEntryAnswer]) {
        self.totalNum = totalNum
        message = ""
        self.transferTaskLogList = transferTaskLogList
    }
}

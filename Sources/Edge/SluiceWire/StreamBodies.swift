// Bodies of the stream operations, letter for letter (spec sections 2.1 to 2.1.7).

package struct TagBody: Codable, Sendable {
    package var key: LenientString?
    package var value: LenientString?
}

package struct CSVPropertiesBody: Codable, Sendable {
    package var delimiter: String?
    package init(delimiter: String?) { self.delimiter = delimiter }
}

/// POST `/v2/{project_id}/streams`.
package struct CreateStreamBody: Decodable, Sendable {
    package let stream_name: LenientString?
    package let partition_count: LenientInt?
    package let stream_type: LenientString?
    package let data_type: LenientString?
    package let data_duration: LenientInt?
    package let data_schema: String?
    package let csv_properties: CSVPropertiesBody?
    package let compression_format: String?
    package let auto_scale_enabled: LenientBool?
    package let auto_scale_min_partition_count: LenientInt?
    package let auto_scale_max_partition_count: LenientInt?
    package let tags: [TagBody]?
    package let sys_tags: [TagBody]?
}

/// PUT `/v2/{project_id}/streams/{stream_name}`, `…/update` and PUT `/v3/{project_id}/streams/{stream_name}`.
package struct UpdateStreamBody: Decodable, Sendable {
    package let stream_name: LenientString?
    package let target_partition_count: LenientInt?
    package let update_type: String?
    package let data_duration: LenientInt?
    package let data_type: LenientString?
    package let data_schema: String?
    package let auto_scale_enabled: LenientBool?
    package let auto_scale_min_partition_count: LenientInt?
    package let auto_scale_max_partition_count: LenientInt?
}

package struct TagAnswer: Encodable, Sendable {
    package let key: String
    package let value: String
    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

package struct StreamInfoAnswer: Encodable, Sendable {
    package var stream_id: String
    package var stream_name: String
    package var create_time: Int64
    package var retention_period: Int
    package var status: String
    package var stream_type: String
    package var data_type: String
    package var partition_count: Int
    package var auto_scale_enabled: Bool
    package var auto_scale_min_partition_count: Int
    package var auto_scale_max_partition_count: Int
    package var tags: [TagAnswer]
    package var sys_tags: [TagAnswer]

    package init(
        stream_id: String, stream_name: String, create_time: Int64, retention_period: Int, status: String,
        stream_type: String, data_type: String, partition_count: Int, auto_scale_enabled: Bool,
        auto_scale_min_partition_count: Int, auto_scale_max_partition_count: Int, tags: [TagAnswer],
        sys_tags: [TagAnswer]
    ) {
        self.stream_id = stream_id
        self.stream_name = stream_name
        self.create_time = create_time
        self.retention_period = retention_period
        self.status = status
        self.stream_type = stream_type
        self.data_type = data_type
        self.partition_count = partition_count
        self.auto_scale_enabled = auto_scale_enabled
        self.auto_scale_min_partition_count = auto_scale_min_partition_count
        self.auto_scale_max_partition_count = auto_scale_max_partition_count
        self.tags = tags
        self.sys_tags = sys_tags
    }
}

/// GET `/v2/{project_id}/streams`.
package struct ListStreamsAnswer: Encodable, Sendable {
    package let total_number: Int
    package let stream_names: [String]
    package let has_more_streams: Bool
    package let stream_info_list: [StreamInfoAnswer]

    package init(
        total_number: Int, stream_names: [String], has_more_streams: Bool, stream_info_list: [StreamInfoAnswer]
    ) {
        self.total_number = total_number
        self.stream_names = stream_names
        self.has_more_streams = has_more_streams
        self.stream_info_list = stream_info_list
    }
}

package struct PartitionAnswer: Encodable, Sendable {
    package let status: String
    package let partition_id: String
    /// `[low : high]`, both inclusive.
    package let hash_range: String
    /// `[earliest : next]`; JSON null once the partition is expired.
    package let sequence_number_range: String?
    package let parent_partitions: String

    package init(
        status: String, partition_id: String, hash_range: String, sequence_number_range: String?,
        parent_partitions: String
    ) {
        self.status = status
        self.partition_id = partition_id
        self.hash_range = hash_range
        self.sequence_number_range = sequence_number_range
        self.parent_partitions = parent_partitions
    }

    private enum CodingKeys: String, CodingKey {
        case status, partition_id, hash_range, sequence_number_range, parent_partitions
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(status, forKey: .status)
        try container.encode(partition_id, forKey: .partition_id)
        try container.encode(hash_range, forKey: .hash_range)
        // The null must be written: the Kafka adapter takes it for "partition expired".
        try container.encode(sequence_number_range, forKey: .sequence_number_range)
        try container.encode(parent_partitions, forKey: .parent_partitions)
    }
}

/// An entry of the scaling log; `result_msg` is left out because two clients cannot read text there (section 1.4).
package struct ScalingAnswer: Encodable, Sendable {
    package let create_timestamp: Int64
    package let src_partition_count: Int
    package let target_partition_count: Int
    package let result_code: Int
    package let auto_scale: Bool

    package init(
        create_timestamp: Int64, src_partition_count: Int, target_partition_count: Int, result_code: Int,
        auto_scale: Bool
    ) {
        self.create_timestamp = create_timestamp
        self.src_partition_count = src_partition_count
        self.target_partition_count = target_partition_count
        self.result_code = result_code
        self.auto_scale = auto_scale
    }
}

package struct ScalingLogAnswer: Encodable, Sendable {
    package let update_partition_counts: [ScalingAnswer]
    package init(update_partition_counts: [ScalingAnswer]) { self.update_partition_counts = update_partition_counts }
}

/// GET `/v2/{project_id}/streams/{stream_name}`.
package struct ShowStreamAnswer: Encodable, Sendable {
    package let stream_id: String
    package let stream_name: String
    package let create_time: Int64
    package let last_modified_time: Int64
    package let retention_period: Int
    package let status: String
    package let stream_type: String
    package let data_type: String
    package let data_schema: String?
    package let csv_properties: CSVPropertiesBody?
    package let compression_format: String?
    package let writable_partition_count: Int
    package let readable_partition_count: Int
    package let partitions: [PartitionAnswer]
    package let has_more_partitions: Bool
    package let update_partition_counts: [ScalingAnswer]
    package let tags: [TagAnswer]
    package let sys_tags: [TagAnswer]
    package let auto_scale_enabled: Bool
    package let auto_scale_min_partition_count: Int
    package let auto_scale_max_partition_count: Int

    package init(
        info: StreamInfoAnswer, last_modified_time: Int64, data_schema: String?, csv_properties: CSVPropertiesBody?,
        compression_format: String?, writable_partition_count: Int, readable_partition_count: Int,
        partitions: [PartitionAnswer], has_more_partitions: Bool, update_partition_counts: [ScalingAnswer]
    ) {
        stream_id = info.stream_id
        stream_name = info.stream_name
        create_time = info.create_time
        self.last_modified_time = last_modified_time
        retention_period = info.retention_period
        status = info.status
        stream_type = info.stream_type
        data_type = info.data_type
        self.data_schema = data_schema
        self.csv_properties = csv_properties
        self.compression_format = compression_format
        self.writable_partition_count = writable_partition_count
        self.readable_partition_count = readable_partition_count
        self.partitions = partitions
        self.has_more_partitions = has_more_partitions
        self.update_partition_counts = update_partition_counts
        tags = info.tags
        sys_tags = info.sys_tags
        auto_scale_enabled = info.auto_scale_enabled
        auto_scale_min_partition_count = info.auto_scale_min_partition_count
        auto_scale_max_partition_count = info.auto_scale_max_partition_count
    }
}

/// The answer to a change of the partition count.
package struct ScaleStreamAnswer: Encodable, Sendable {
    package let stream_name: String
    package let current_partition_count: Int
    package let target_partition_count: Int

    package init(stream_name: String, current_partition_count: Int, target_partition_count: Int) {
        self.stream_name = stream_name
        self.current_partition_count = current_partition_count
        self.target_partition_count = target_partition_count
    }
}

/// The answer to a change of settings.
package struct UpdateStreamAnswer: Encodable, Sendable {
    package let stream_name: String
    package let target_data_type: String

    package init(stream_name: String, target_data_type: String) {
        self.stream_name = stream_name
        self.target_data_type = target_data_type
    }
}

/// GET `/v2/{project_id}/cursors`.
package struct CursorAnswer: Encodable, Sendable {
    package let partition_cursor: String
    package init(partition_cursor: String) { self.partition_cursor = partition_cursor }
}

package import SluiceCore

/// What a caller asks for when making a stream: valid by construction (spec sections 1.2, 2.1, 2.1.1).
package struct StreamCreation: Sendable {
    package let name: StreamName
    package let kind: StreamKind
    package let dataType: DataType
    package let partitionCount: Int
    package let retentionHours: Int
    package let dataSchema: String?
    package let csvDelimiter: String?
    package let compressionFormat: String?
    package let autoScaling: AutoScaling
    package let tags: [Tag]
    package let systemTags: [Tag]

    /// Checks every field and throws the first fault.
    package init(
        name: String?, kind: String? = nil, dataType: String? = nil, partitionCount: Int?, retentionHours: Int? = nil,
        dataSchema: String? = nil, csvDelimiter: String? = nil, compressionFormat: String? = nil,
        autoScaling: AutoScaling? = nil, tags: [Tag] = [], systemTags: [Tag] = []
    ) throws(StreamsError) {
        guard let name, let valid = StreamName(name) else { throw .invalid("stream_name is invalid") }
        self.name = valid
        self.kind = try StreamRules.kind(kind)
        self.dataType = try StreamRules.dataType(dataType) ?? .blob
        guard let partitionCount, partitionCount >= 1 else { throw .invalid("partition_count must be 1 or more") }
        guard partitionCount <= StreamRules.maximumPartitions else {
            throw StreamsError(.quotaExceeded, "[partition_count \(partitionCount)]")
        }
        self.partitionCount = partitionCount
        self.retentionHours = try StreamRules.retention(retentionHours) ?? 24
        self.dataSchema = try StreamRules.schema(dataSchema, of: self.dataType)
        if csvDelimiter != nil, self.dataType != .csv { throw .invalid("csv_properties need data_type CSV") }
        self.csvDelimiter = csvDelimiter
        self.compressionFormat = try StreamRules.compression(compressionFormat)
        self.autoScaling = try StreamRules.autoScaling(autoScaling, partitionCount: partitionCount)
        self.tags = try StreamRules.tags(tags)
        self.systemTags = systemTags
    }
}

/// Which settings of a stream shall change; nil leaves as it is (spec section 2.1.5).
package struct StreamUpdate: Sendable {
    package var retentionHours: Int?
    package var dataType: String?
    package var dataSchema: String?
    package var autoScalingEnabled: Bool?
    package var autoScalingMinimum: Int?
    package var autoScalingMaximum: Int?

    package init() {}

    package var isEmpty: Bool {
        retentionHours == nil && dataType == nil && dataSchema == nil && autoScalingEnabled == nil
            && autoScalingMinimum == nil && autoScalingMaximum == nil
    }

    func apply(to record: inout Stream) throws(StreamsError) {
        if let retention = try StreamRules.retention(retentionHours) { record.retentionHours = retention }
        if let dataType = try StreamRules.dataType(dataType) {
            record.dataType = dataType
            if dataType != .json && dataType != .csv { record.dataSchema = nil }
            if dataType != .csv { record.csvDelimiter = nil }
        }
        if let dataSchema { record.dataSchema = try StreamRules.schema(dataSchema, of: record.dataType) }
        if autoScalingEnabled != nil || autoScalingMinimum != nil || autoScalingMaximum != nil {
            var scaling = record.autoScaling
            scaling.isEnabled = autoScalingEnabled ?? scaling.isEnabled
            scaling.minimum = autoScalingMinimum ?? scaling.minimum
            scaling.maximum = autoScalingMaximum ?? scaling.maximum
            record.autoScaling = try StreamRules.autoScaling(scaling, partitionCount: nil)
        }
    }
}

/// The rules of single fields, shared by creation and update.
enum StreamRules {
    /// More partitions than any quota allows; keeps a mistaken number from costing memory.
    static let maximumPartitions = 100_000
    static let maximumTags = 10
    static let retentionRange = 24...168
    /// An Avro schema longer than this is refused.
    static let maximumSchemaLength = 1 << 20

    static func kind(_ text: String?) throws(StreamsError) -> StreamKind {
        guard let text, !text.isEmpty else { return .common }
        guard let kind = StreamKind(rawValue: text.uppercased()) else {
            throw .invalid("stream_type \(text) is invalid")
        }
        return kind
    }

    static func dataType(_ text: String?) throws(StreamsError) -> DataType? {
        guard let text, !text.isEmpty else { return nil }
        guard let type = DataType(rawValue: text.uppercased()) else { throw .invalid("data_type \(text) is invalid") }
        return type
    }

    static func retention(_ hours: Int?) throws(StreamsError) -> Int? {
        guard let hours else { return nil }
        guard retentionRange.contains(hours) else {
            throw .invalid("data_duration \(hours) is not within 24 to 168 hours")
        }
        return hours
    }

    static func schema(_ text: String?, of type: DataType) throws(StreamsError) -> String? {
        guard let text, !text.isEmpty else { return nil }
        guard type == .json || type == .csv else {
            throw StreamsError(.invalidSchema, "[data_schema needs data_type JSON or CSV]")
        }
        guard text.utf8.count <= maximumSchemaLength else {
            throw StreamsError(.invalidSchema, "[data_schema is too long]")
        }
        try SchemaCheck.validate(text)
        return text
    }

    static func compression(_ text: String?) throws(StreamsError) -> String? {
        guard let text, !text.isEmpty else { return nil }
        guard ["snappy", "gzip", "zip"].contains(text.lowercased()) else {
            throw .invalid("compression_format \(text) is invalid")
        }
        return text
    }

    static func autoScaling(_ scaling: AutoScaling?, partitionCount: Int?) throws(StreamsError) -> AutoScaling {
        guard var scaling else { return .off }
        guard scaling.minimum >= 0, scaling.maximum >= 0, scaling.maximum <= maximumPartitions else {
            throw .invalid("auto_scale_min_partition_count or auto_scale_max_partition_count is invalid")
        }
        guard scaling.isEnabled else { return scaling }
        if scaling.minimum == 0 { scaling.minimum = 1 }
        guard scaling.maximum >= scaling.minimum else {
            throw .invalid("auto_scale_max_partition_count must not be below auto_scale_min_partition_count")
        }
        if let partitionCount, !(scaling.minimum...scaling.maximum).contains(partitionCount) {
            throw .invalid("partition_count must lie within the bounds of automatic scaling")
        }
        return scaling
    }

    static func tags(_ tags: [Tag]) throws(StreamsError) -> [Tag] {
        guard tags.count <= maximumTags else { throw StreamsError(.tooManyTags) }
        var seen: Set<String> = []
        for tag in tags {
            try TagRules.check(tag)
            guard seen.insert(tag.key).inserted else { throw .invalid("tag key \(tag.key) is given twice") }
        }
        return tags
    }
}

package import SluiceCore
package import SluiceFormats
package import SluicePorts

/// An OBS destination that obeys every rule of the public API (spec sections 4.2, 4.3.1 and 4.4).
package struct OBSDestination: Sendable, Hashable {
    package enum FileType: String, Sendable, Hashable {
        case text, csv, parquet
    }

    package enum Strategy: String, Sendable, Hashable {
        case latest = "LATEST"
        case trimHorizon = "TRIM_HORIZON"
    }

    package let descriptor: OBSDescriptor
    package let taskName: String
    package let agency: String
    package let bucket: String
    package let filePrefix: String
    package let directory: DirectoryFormat
    package let interval: Duration
    package let strategy: Strategy
    package let fileType: FileType
    package let delimiter: RecordDelimiter
    package let recordTime: RecordTimeRule?
    /// The size at which an object is closed, when the task names one.
    package let sizeInterval: ByteCount?
    /// Whether the object as a whole is compressed.
    package let isCompressed: Bool
    /// How the pages of a Parquet object are compressed.
    package let codec: ParquetFile.Codec

    /// Kept only to be echoed; the public API names no bound.
    private static let carbonPropertiesBytesMax = 16 << 10

    /// - Throws: `invalidRequest` naming the first member that breaks a rule.
    package init(
        validating given: OBSDescriptor, for dataType: StreamDataType, hasSchema: Bool, minimumIntervalSeconds: Int
    ) throws(TransferError) {
        let descriptor = given.withDefaults()
        self.descriptor = descriptor
        func required(_ value: String?, _ name: String) throws(TransferError) -> String {
            guard let value, !value.isEmpty else { throw Self.invalid("\(name) is missing") }
            return value
        }

        taskName = try required(descriptor.taskName, "task_name")
        guard taskName.isName(upTo: 64) else {
            throw Self.invalid("task_name must be 1 to 64 letters, digits, hyphens and underscores")
        }
        agency = try required(descriptor.agencyName, "agency_name")
        guard agency.count <= 64 else { throw Self.invalid("agency_name must have at most 64 characters") }
        bucket = try Self.bucket(in: required(descriptor.obsBucketPath, "obs_bucket_path"))

        filePrefix = descriptor.filePrefix ?? ""
        guard Self.isPrefix(filePrefix) else {
            throw Self.invalid(
                "file_prefix must be at most 50 letters, digits, underscores and slashes and not begin with a slash")
        }
        guard let directory = DirectoryFormat(descriptor.partitionFormat ?? "") else {
            throw Self.invalid(
                "partition_format must be empty or one of yyyy, yyyy/MM, yyyy/MM/dd, yyyy/MM/dd/HH, yyyy/MM/dd/HH/mm")
        }
        self.directory = directory

        let seconds = descriptor.deliverTimeInterval ?? 300
        guard seconds >= minimumIntervalSeconds, seconds <= 900 else {
            throw Self.invalid("deliver_time_interval must be \(minimumIntervalSeconds) to 900")
        }
        interval = .seconds(seconds)
        guard let strategy = Strategy(rawValue: descriptor.consumerStrategy ?? "") else {
            throw Self.invalid("consumer_strategy must be LATEST or TRIM_HORIZON")
        }
        self.strategy = strategy
        guard (0...7200).contains(descriptor.retryDuration ?? 0) else {
            throw Self.invalid("retry_duration must be 0 to 7200")
        }

        fileType = try Self.fileType(descriptor.destinationFileType ?? "text", for: dataType, hasSchema: hasSchema)
        guard let delimiter = RecordDelimiter(descriptor.recordDelimiter ?? "\n") else {
            throw Self.invalid("record_delimiter must be a comma, a semicolon, a vertical bar, \\n or empty")
        }
        self.delimiter = fileType == .csv ? .newline : delimiter
        recordTime = try descriptor.processingSchema.map { schema throws(TransferError) in
            try RecordTimeRule(validating: schema)
        }
        if let megabytes = descriptor.deliverSizeInterval {
            guard (1...300).contains(megabytes) else { throw Self.invalid("deliver_size_interval must be 1 to 300") }
            sizeInterval = .mebibytes(megabytes)
        } else {
            sizeInterval = nil
        }
        (isCompressed, codec) = try Self.compression(descriptor.compressionFormat ?? "", of: fileType)
        guard (descriptor.deliverDataType ?? "").isEmpty else {
            throw Self.invalid("deliver_data_type \(descriptor.deliverDataType ?? "") is not supported")
        }
        let properties = (descriptor.carbonProperties ?? [:]).reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard properties <= Self.carbonPropertiesBytesMax else {
            throw Self.invalid("carbon_properties has more than \(Self.carbonPropertiesBytesMax) bytes")
        }
    }

    /// Reads a descriptor that was validated when it was stored; the stream may have changed since, which does not count.
    init(planned descriptor: OBSDescriptor) throws(TransferError) {
        let fits: StreamDataType = descriptor.destinationFileType?.lowercased() == "csv" ? .csv : .json
        try self.init(validating: descriptor, for: fits, hasSchema: true, minimumIntervalSeconds: 1)
    }

    static func invalid(_ what: String) -> TransferError {
        TransferError(.invalidRequest, what)
    }

    /// gzip compresses whole text objects; Parquet compresses its pages, by default with snappy.
    private static func compression(
        _ text: String, of fileType: FileType
    ) throws(TransferError) -> (isWhole: Bool, ParquetFile.Codec) {
        switch (fileType, text.lowercased()) {
        case (.parquet, ""), (.parquet, "snappy"): return (false, .snappy)
        case (.parquet, "zstd"): return (false, .zstd)
        case (_, ""), (_, "none"): return (false, .none)
        case (.text, "gzip"), (.csv, "gzip"): return (true, .none)
        case (.parquet, "gzip"):
            throw invalid("compression_format gzip does not go with destination_file_type parquet")
        case (.parquet, _): throw invalid("compression_format must be none, snappy or zstd")
        default: throw invalid("compression_format must be none or gzip")
        }
    }

    private static func isPrefix(_ text: String) -> Bool {
        guard text.utf8.count <= 50, !text.hasPrefix("/") else { return false }
        return text.split(separator: "/").allSatisfy { part in
            part.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        }
    }

    /// Reads `bucket`, `bucket/` and `obs://bucket`. Names may not hold anything that could leave a folder of buckets.
    private static func bucket(in path: String) throws(TransferError) -> String {
        var name = path[...]
        if name.hasPrefix("obs://") { name = name.dropFirst(6) }
        if name.hasSuffix("/") { name = name.dropLast() }
        let bytes = Array(name.utf8)
        let isBucket =
            (1...63).contains(bytes.count)
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                    true
                default: false
                }
            } && bytes.first != UInt8(ascii: ".")
        guard isBucket else {
            throw invalid("obs_bucket_path must name a bucket: 1 to 63 letters, digits, hyphens, underscores and dots")
        }
        return String(name)
    }

    private static func fileType(
        _ text: String, for dataType: StreamDataType, hasSchema: Bool
    ) throws(TransferError) -> FileType {
        let lowered = text.lowercased()
        if lowered == "carbon" || lowered == "carbondata" {
            throw invalid("destination_file_type carbon is not supported")
        }
        guard let type = FileType(rawValue: lowered) else {
            throw invalid("destination_file_type must be text, csv or parquet")
        }
        switch (dataType, type) {
        case (.blob, .text), (.json, .text), (.csv, .text), (.csv, .csv): break
        case (.json, .parquet):
            guard hasSchema else {
                throw invalid("destination_file_type parquet needs a stream with a data_schema")
            }
        case (.file, _): throw invalid("a stream of data_type FILE cannot be delivered to OBS")
        default: throw invalid("destination_file_type \(lowered) does not go with data_type \(dataType.rawValue)")
        }
        return type
    }
}

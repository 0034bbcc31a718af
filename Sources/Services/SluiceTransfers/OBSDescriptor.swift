/// An OBS destination as its creator sent it, with the defaults filled in: what is stored and echoed, letter for letter
/// (spec sections 4.2 and 4.3.1). Numbers have been read from either JSON form.
package struct OBSDescriptor: Sendable, Hashable, Codable {
    package struct ProcessingSchema: Sendable, Hashable, Codable {
        package var timestampName: String?
        package var timestampType: String?
        package var timestampFormat: String?

        package init(timestampName: String? = nil, timestampType: String? = nil, timestampFormat: String? = nil) {
            self.timestampName = timestampName
            self.timestampType = timestampType
            self.timestampFormat = timestampFormat
        }

        /// A structure of empty members counts as absent: some clients cannot leave it out.
        var isEmpty: Bool {
            (timestampName ?? "").isEmpty && (timestampType ?? "").isEmpty && (timestampFormat ?? "").isEmpty
        }
    }

    package var taskName: String?
    package var agencyName: String?
    package var deliverTimeInterval: Int?
    package var consumerStrategy: String?
    package var retryDuration: Int?
    package var obsBucketPath: String?
    package var filePrefix: String?
    package var partitionFormat: String?
    package var destinationFileType: String?
    package var recordDelimiter: String?
    package var processingSchema: ProcessingSchema?
    package var deliverSizeInterval: Int?
    package var compressionFormat: String?
    package var carbonProperties: [String: String]?
    package var deliverDataType: String?

    package init() {}

    /// The same with every documented default in the place of an absent member.
    package func withDefaults() -> OBSDescriptor {
        var full = self
        full.agencyName = agencyName ?? "dis_admin_agency"
        full.deliverTimeInterval = deliverTimeInterval ?? 300
        full.consumerStrategy = consumerStrategy ?? "LATEST"
        full.retryDuration = retryDuration ?? 0
        full.filePrefix = filePrefix ?? ""
        full.partitionFormat = partitionFormat ?? ""
        full.destinationFileType = destinationFileType ?? "text"
        full.recordDelimiter = recordDelimiter ?? "\n"
        full.compressionFormat =
            compressionFormat ?? (full.destinationFileType?.lowercased() == "parquet" ? "snappy" : "none")
        if processingSchema?.isEmpty == true { full.processingSchema = nil }
        if deliverSizeInterval == 0 { full.deliverSizeInterval = nil }
        return full
    }
}

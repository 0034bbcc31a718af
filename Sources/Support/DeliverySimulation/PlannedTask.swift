internal import SluiceTransfers

/// A task that people want to have: whenever it is missing, they create it.
struct PlannedTask: Sendable {
    /// Which of the streams it delivers.
    let stream: Int
    let name: String
    let form: PlannedForm
}

/// The settings of a task as its users vary them.
struct PlannedForm: Sendable {
    /// The buckets that tasks deliver to.
    static let buckets = ["lake", "pond"]

    var fileType = "text"
    var compression = "none"
    var usesRecordTime = false
    var beginsAtEnd = false
    var interval = 2
    var bucket = buckets[0]
    var prefix = ""
    var directory = "yyyy/MM/dd/HH/mm"
    var delimiter = "\n"

    init() {}

    /// - Parameter content: of the stream, which decides what objects can be.
    init(for content: SimulationPlan.Content, drawnFrom numbers: SharedNumbers) {
        switch content {
        case .json: usesRecordTime = numbers.chance(30)
        case .csv: if numbers.chance(70) { fileType = "csv" }
        case .columns: if numbers.chance(80) { fileType = "parquet" }
        }
        if fileType == "parquet" {
            if numbers.chance(15) { compression = numbers.chance(50) ? "snappy" : "zstd" }
            usesRecordTime = numbers.chance(20)
        } else {
            if numbers.chance(20) { compression = "gzip" }
            if numbers.chance(20) { delimiter = "|" }
        }
        beginsAtEnd = numbers.chance(15)
        interval = 1 + numbers.below(3)
        if numbers.chance(20) { bucket = Self.buckets[1] }
        if numbers.chance(30) { prefix = "raw/x" }
        if numbers.chance(30) { directory = numbers.chance(50) ? "" : "yyyy/MM" }
    }

    func descriptor(of task: PlannedTask) -> OBSDescriptor {
        var descriptor = OBSDescriptor()
        descriptor.taskName = task.name
        descriptor.obsBucketPath = bucket
        descriptor.consumerStrategy = beginsAtEnd ? "LATEST" : "TRIM_HORIZON"
        descriptor.deliverTimeInterval = interval
        descriptor.filePrefix = prefix
        descriptor.partitionFormat = directory
        descriptor.destinationFileType = fileType
        descriptor.compressionFormat = compression
        descriptor.recordDelimiter = delimiter
        if usesRecordTime { descriptor.processingSchema = .init(timestampName: "t", timestampType: "Timestamp") }
        return descriptor
    }
}

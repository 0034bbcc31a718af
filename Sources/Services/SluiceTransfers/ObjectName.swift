package import SluiceCore

/// The name of a delivered object (spec section 4.3.1): it says stream, task, partition, first number and count, so that
/// no two deliveries of a task share a name.
package struct ObjectName: Sendable, Hashable {
    package var filePrefix: String
    /// The time directory without slashes around it; empty for none.
    package var directory: String
    package var stream: StreamName
    package var task: String
    package var partition: PartitionNumber
    package var first: SequenceNumber
    package var records: Int
    package var fileExtension: String

    package init(
        filePrefix: String, directory: String, stream: StreamName, task: String, partition: PartitionNumber,
        first: SequenceNumber, records: Int, fileExtension: String
    ) {
        self.filePrefix = filePrefix
        self.directory = directory
        self.stream = stream
        self.task = task
        self.partition = partition
        self.first = first
        self.records = records
        self.fileExtension = fileExtension
    }

    /// The complete key below the bucket.
    package var key: String {
        let prefix = filePrefix.split(separator: "/").map(String.init)
        let number = DirectoryFormat.padded(first.value, 20)
        let name = "\(stream)_\(task)_\(partition)_\(number)_\(records).\(fileExtension)"
        return (prefix + (directory.isEmpty ? [] : [directory]) + [name]).joined(separator: "/")
    }
}

extension OBSDestination {
    package var fileExtension: String {
        let base =
            switch fileType {
            case .text: "txt"
            case .csv: "csv"
            case .parquet: "parquet"
            }
        return isCompressed ? base + ".gz" : base
    }
}

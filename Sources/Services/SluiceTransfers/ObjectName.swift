package import SluiceCore

/// The name of a delivered object (spec section 4.3.1): it says stream, task, partition, first number and count, so that
/// no two deliveries of a task share a name. Where another task has used it, the task's id makes it another one.
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
    /// The number of the replay that makes the object; nil for a range as it was read.
    package var replay: Int?

    package init(
        filePrefix: String, directory: String, stream: StreamName, task: String, partition: PartitionNumber,
        first: SequenceNumber, records: Int, fileExtension: String, replay: Int? = nil
    ) {
        self.filePrefix = filePrefix
        self.directory = directory
        self.stream = stream
        self.task = task
        self.partition = partition
        self.first = first
        self.records = records
        self.fileExtension = fileExtension
        self.replay = replay
    }

    /// The complete key below the bucket.
    package var key: String {
        let prefix = filePrefix.split(separator: "/").map(String.init)
        let number = first.value.padded(to: 20)
        let suffix = replay.map { "_r\($0)" } ?? ""
        let name = "\(stream)_\(task)_\(partition)_\(number)_\(records)\(suffix).\(fileExtension)"
        return (prefix + (directory.isEmpty ? [] : [directory]) + [name]).joined(separator: "/")
    }
}

extension ObjectName {
    /// Digits and letters of a task's id in a name: 62^8 of them.
    private static let distinctionLength = 8

    /// The same key with the beginning of the task's id behind the count: `…_2_As805Bud.txt`.
    static func distinguished(_ key: String, by task: TransferTaskID) -> String {
        // Names of streams and tasks have no dots: the first one begins the extension.
        let start = key.lastIndex(of: "/").map { key.index(after: $0) } ?? key.startIndex
        let end = key[start...].firstIndex(of: ".") ?? key.endIndex
        return "\(key[..<end])_\(task.text.prefix(distinctionLength))\(key[end...])"
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

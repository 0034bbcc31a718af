import SluiceCore
import SluiceFormats
import SluicePorts
import SluiceTransfers
import Testing

@Suite struct OBSDestinationTests {
    static func descriptor(_ change: (inout OBSDescriptor) -> Void) -> OBSDescriptor {
        var descriptor = OBSDescriptor()
        descriptor.taskName = "t"
        descriptor.obsBucketPath = "lake"
        change(&descriptor)
        return descriptor
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let member: String
        var type = StreamDataType.json
        var hasSchema = true
        let change: @Sendable (inout OBSDescriptor) -> Void
    }

    static let refusals: [Refusal] = [
        Refusal(testDescription: "no name", member: "task_name") { $0.taskName = nil },
        Refusal(testDescription: "empty name", member: "task_name") { $0.taskName = "" },
        Refusal(testDescription: "bad name", member: "task_name") { $0.taskName = "a b" },
        Refusal(testDescription: "long name", member: "task_name") { $0.taskName = String(repeating: "a", count: 65) },
        Refusal(testDescription: "no bucket", member: "obs_bucket_path") { $0.obsBucketPath = nil },
        Refusal(testDescription: "bucket with folder", member: "obs_bucket_path") { $0.obsBucketPath = "a/b" },
        Refusal(testDescription: "parent folder", member: "obs_bucket_path") { $0.obsBucketPath = ".." },
        Refusal(testDescription: "long agency", member: "agency_name") {
            $0.agencyName = String(repeating: "a", count: 65)
        },
        Refusal(testDescription: "empty agency", member: "agency_name") { $0.agencyName = "" },
        Refusal(testDescription: "prefix from root", member: "file_prefix") { $0.filePrefix = "/a" },
        Refusal(testDescription: "prefix upwards", member: "file_prefix") { $0.filePrefix = "a/../b" },
        Refusal(testDescription: "long prefix", member: "file_prefix") {
            $0.filePrefix = String(repeating: "a", count: 51)
        },
        Refusal(testDescription: "format", member: "partition_format") { $0.partitionFormat = "yyyy-MM" },
        Refusal(testDescription: "short interval", member: "deliver_time_interval") { $0.deliverTimeInterval = 29 },
        Refusal(testDescription: "long interval", member: "deliver_time_interval") { $0.deliverTimeInterval = 901 },
        Refusal(testDescription: "strategy", member: "consumer_strategy") { $0.consumerStrategy = "latest" },
        Refusal(testDescription: "negative retry", member: "retry_duration") { $0.retryDuration = -1 },
        Refusal(testDescription: "long retry", member: "retry_duration") { $0.retryDuration = 7201 },
        Refusal(testDescription: "carbon", member: "destination_file_type") { $0.destinationFileType = "CarbonData" },
        Refusal(testDescription: "file type", member: "destination_file_type") { $0.destinationFileType = "orc" },
        Refusal(testDescription: "csv of JSON", member: "destination_file_type") { $0.destinationFileType = "csv" },
        Refusal(testDescription: "parquet without schema", member: "data_schema", hasSchema: false) {
            $0.destinationFileType = "parquet"
        },
        Refusal(testDescription: "parquet of BLOB", member: "destination_file_type", type: .blob) {
            $0.destinationFileType = "parquet"
        },
        Refusal(testDescription: "stream of files", member: "FILE", type: .file) { _ in },
        Refusal(testDescription: "delimiter", member: "record_delimiter") { $0.recordDelimiter = "::" },
        Refusal(testDescription: "size 301", member: "deliver_size_interval") { $0.deliverSizeInterval = 301 },
        Refusal(testDescription: "size -1", member: "deliver_size_interval") { $0.deliverSizeInterval = -1 },
        Refusal(testDescription: "compression", member: "compression_format") { $0.compressionFormat = "zip" },
        Refusal(testDescription: "time without name", member: "timestamp_name") {
            $0.processingSchema = .init(timestampType: "Timestamp")
        },
        Refusal(testDescription: "time type", member: "timestamp_type") {
            $0.processingSchema = .init(timestampName: "t", timestampType: "long")
        },
        Refusal(testDescription: "time format", member: "timestamp_format") {
            $0.processingSchema = .init(timestampName: "t", timestampType: "String", timestampFormat: "yyyy")
        },
    ]

    @Test(arguments: refusals)
    func refuses(row: Refusal) {
        do {
            _ = try OBSDestination(
                validating: Self.descriptor(row.change), for: row.type, hasSchema: row.hasSchema,
                minimumIntervalSeconds: 30)
            Issue.record("was accepted")
        } catch {
            #expect(error.code == .invalidRequest)
            #expect(error.message.contains(row.member))
        }
    }

    @Test func fillsDefaultsInAndKeepsTheRestLetterForLetter() throws {
        let given = Self.descriptor {
            $0.obsBucketPath = "obs://lake/"
            $0.recordDelimiter = "\\n"
            $0.destinationFileType = "TEXT"
            $0.processingSchema = .init(timestampName: "", timestampType: "")
        }
        let destination = try OBSDestination(
            validating: given, for: .blob, hasSchema: false, minimumIntervalSeconds: 30)
        #expect(destination.bucket == "lake")
        #expect(destination.delimiter == .newline)
        let echo = destination.descriptor
        #expect(
            echo.obsBucketPath == "obs://lake/" && echo.recordDelimiter == "\\n" && echo.destinationFileType == "TEXT")
        #expect(echo.agencyName == "dis_admin_agency" && echo.deliverTimeInterval == 300)
        #expect(echo.consumerStrategy == "LATEST" && echo.retryDuration == 0 && echo.filePrefix == "")
        #expect(echo.processingSchema == nil && echo.partitionFormat == "")
    }

    @Test(arguments: [
        (Int64(0), "1970/01/01/00/00"), (1_767_323_096_000, "2026/01/02/03/04"), (951_782_400_000, "2000/02/29/00/00"),
        (-1, "1969/12/31/23/59"),
    ])
    func directories(milliseconds: Int64, expected: String) {
        let time = Timestamp(milliseconds: milliseconds)
        let depths: [(DirectoryFormat, Int)] = [
            (.none, 0), (.year, 4), (.month, 7), (.day, 10), (.hour, 13), (.minute, 16),
        ]
        for (format, length) in depths {
            #expect(format.directory(at: time) == String(expected.prefix(length)))
        }
    }

    @Test func objectNames() throws {
        var name = ObjectName(
            filePrefix: "raw/meters", directory: "2026/01/02/03", stream: try #require(StreamName("meters")),
            task: "to-lake", partition: PartitionNumber(0), first: SequenceNumber(12), records: 57, fileExtension: "txt"
        )
        #expect(name.key == "raw/meters/2026/01/02/03/meters_to-lake_shardId-0000000000_00000000000000000012_57.txt")
        name.filePrefix = "a//b/"
        name.directory = ""
        #expect(name.key == "a/b/meters_to-lake_shardId-0000000000_00000000000000000012_57.txt")
    }

    @Test(arguments: TimestampTextFormat.allCases)
    func readsRecordTimes(format: TimestampTextFormat) {
        let text = format.rawValue.replacing("yyyy", with: "2024").replacing("MM", with: "02").replacing(
            "dd", with: "29"
        )
        .replacing("HH", with: "23").replacing("mm", with: "59").replacing("ss", with: "58")
        #expect(format.parse(text) == Timestamp(milliseconds: 1_709_251_198_000))
        #expect(format.parse(text + " ") == nil)
        #expect(format.parse(text.replacing("2024", with: "2023")) == nil)
        #expect(format.parse(text.replacing("59", with: "60")) == nil)
    }
}

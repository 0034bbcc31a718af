internal import Compression
package import SluiceCore

/// One Parquet file, written front to back: the same records and schema give the same bytes.
///
/// Values of a column wait until they fill a page, pages until they fill a row group, then the row group's bytes can be
/// taken. So the memory needed is that of one row group, whatever the file's length. Not thread-safe; may move between
/// threads.
///
/// The format is https://parquet.apache.org/docs/file-format/: data pages of version 1, dictionaries with PLAIN behind
/// them, a CRC-32 for each page, statistics for each column chunk.
@safe package struct ParquetFile: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the memory has one owner, which alone can reach it.
    package enum Codec: Sendable, Hashable {
        case none, snappy, zstd

        /// The number in the footer.
        var number: Int32 {
            switch self {
            case .none: 0
            case .snappy: 1
            case .zstd: 6
            }
        }
    }

    /// Rows after which all pages end.
    private static let pageRows = 20_000
    private static let magic = Array("PAR1".utf8)
    private static let createdBy = "sluice version 0.1.0"

    private let schema: ParquetSchema
    private let codec: Codec
    private let rowGroupSize: Int
    private var shredder: RecordShredder
    private let writers: UnsafeMutablePointer<ColumnChunkWriter>
    private let columnCount: Int
    private var tools: PageTools
    /// Finished bytes that nobody has taken yet.
    private var output = GrowingBuffer()
    /// Where in the file `output` begins.
    private var outputStart = 0
    /// Rows since the last pages ended together.
    private var pageRows = 0
    private var groupRows = 0
    /// Raw bytes of the row group that are in pages.
    private var pagedBytes = 0
    private var rowCount = 0
    private var rowGroups = ThriftCompactWriter()
    private var rowGroupCount = 0
    /// A library that ran out of memory; the file is lost, and `finish` says so.
    private var failure: CompressionError?

    /// The level at which zstd compresses pages: a tenth smaller than at level 1 for a tenth more time.
    package static let zstdLevel = 3

    /// - Parameters:
    ///   - rowGroupSize: raw bytes of values and levels after which a row group ends; the record that passes them is
    ///     still in it. 16 to 64 MiB suit most readers.
    ///   - zstdLevel: 1 to 19, for `zstd` alone.
    package init(
        schema: ParquetSchema, codec: Codec, rowGroupSize: ByteCount, zstdLevel: Int = zstdLevel
    ) throws {
        self.schema = schema
        self.codec = codec
        self.rowGroupSize = rowGroupSize.bytes
        let columns = schema.plan.columns
        tools = try PageTools(codec, zstdLevel: zstdLevel)
        shredder = RecordShredder(schema.plan)
        columnCount = columns.count
        unsafe writers = .allocate(capacity: columns.count)
        for (index, column) in columns.enumerated() {
            unsafe (writers + index).initialize(to: ColumnChunkWriter(column))
        }
        output.append(Self.magic)
    }

    deinit {
        unsafe writers.deinitialize(count: columnCount)
        unsafe writers.deallocate()
    }

    /// Adds a record: one JSON object in UTF-8. A record that fails leaves no trace in the file.
    package mutating func append(_ json: UnsafeRawBufferPointer) throws(ConversionFailure) {
        do throws(ShredFault) {
            try unsafe shredder.append(json)
        } catch {
            throw ConversionFailure(error, in: schema.plan)
        }
        groupRows += 1
        pageRows += 1
        do throws(CompressionError) {
            try endFullPages()
        } catch {
            failure = error
        }
    }

    /// Adds a record that is held in an array.
    package mutating func append(_ json: [UInt8]) throws(ConversionFailure) {
        var failure: ConversionFailure?
        unsafe json.withUnsafeBytes { bytes in
            do throws(ConversionFailure) {
                try unsafe append(bytes)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Whether a row group's bytes wait to be taken.
    package var hasOutput: Bool { output.count > (outputStart == 0 ? Self.magic.count : 0) }

    /// Bytes of the file that are finished, behind those taken before; empty where no row group has ended since.
    package mutating func takeOutput() -> [UInt8] {
        guard hasOutput else { return [] }
        let bytes = unsafe Array(output.bytes)
        outputStart += bytes.count
        output.removeAll(keeping: 0)
        return bytes
    }

    /// Ends the file: gives what `takeOutput` has not given yet, the last row group and the footer. The file is of no
    /// further use then.
    package mutating func finish() throws -> [UInt8] {
        if let failure { throw failure }
        try endRowGroup()
        let footer = footer()
        output.append(footer)
        output.append(UInt32(truncatingIfNeeded: footer.count))
        output.append(Self.magic)
        let bytes = unsafe Array(output.bytes)
        outputStart += bytes.count
        output.removeAll(keeping: 0)
        return bytes
    }

    /// Bytes of memory that the file holds.
    package var memoryUsed: Int {
        var bytes = shredder.memoryUsed + tools.memoryUsed + output.capacity + rowGroups.bytes.capacity
        for index in 0..<columnCount { bytes += unsafe writers[index].memoryUsed }
        return bytes
    }

    // MARK: pages and row groups

    private mutating func endFullPages() throws(CompressionError) {
        let isRowLimit = pageRows >= Self.pageRows
        var waiting = 0
        for index in 0..<columnCount {
            let size = unsafe shredder.columns[index].byteCount
            waiting += size
            if isRowLimit || size >= ColumnChunkWriter.pageSize {
                pagedBytes += size
                waiting -= size
                let writer = unsafe writers + index
                try unsafe writer.pointee.writePage(&shredder.columns[index], with: &tools)
            }
        }
        if isRowLimit { pageRows = 0 }
        if pagedBytes + waiting >= rowGroupSize { try endRowGroup() }
    }

    private mutating func endRowGroup() throws(CompressionError) {
        guard groupRows > 0 else { return }
        let start = outputStart + output.count
        var chunks: [ColumnChunk] = []
        chunks.reserveCapacity(columnCount)
        for index in 0..<columnCount {
            let writer = unsafe writers + index
            try unsafe writer.pointee.writePage(&shredder.columns[index], with: &tools)
            chunks.append(
                try unsafe writer.pointee.finish(into: &output, at: outputStart, codec: codec, with: &tools))
        }
        let rows = groupRows
        rowGroups.structure {
            $0.field(1, list: chunks) { chunk, thrift in chunk.write(to: &thrift) }
            $0.field(2, Int64(chunks.reduce(0) { $0 + $1.plainSize }))
            $0.field(3, Int64(rows))
            $0.field(5, Int64(start))
            $0.field(6, Int64(chunks.reduce(0) { $0 + $1.size }))
        }
        rowGroupCount += 1
        rowCount += groupRows
        groupRows = 0
        pageRows = 0
        pagedBytes = 0
    }

    private func footer() -> [UInt8] {
        var thrift = ThriftCompactWriter()
        let version: Int32 = 2
        thrift.structure {
            $0.field(1, version)
            $0.field(2, list: schema.plan.elements) { element, thrift in element.write(to: &thrift) }
            $0.field(3, Int64(rowCount))
            $0.field(4, listOf: rowGroupCount, encoded: rowGroups.bytes)
            $0.field(6, Self.createdBy)
            // Statistics follow the order that each column's type defines.
            $0.field(7, list: schema.plan.columns) { _, thrift in thrift.field(1) { _ in } }
        }
        return thrift.bytes
    }
}

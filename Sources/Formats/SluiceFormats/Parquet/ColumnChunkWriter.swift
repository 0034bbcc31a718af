internal import Compression

/// Turns one column's values into pages, and the pages of a row group into a column chunk.
///
/// The first page decides on the dictionary: where it saves nothing, the chunk goes without. Where it grows past its
/// bounds later, the pages from there on are PLAIN.
struct ColumnChunkWriter: ~Copyable {
    let column: ParquetColumn
    /// Data pages with their headers, in order.
    private var pages = GrowingBuffer()
    private var dictionary = ValueDictionary()
    private var usesDictionary: Bool
    private var hasPlainPages = false
    private var entryCount = 0
    private var statistics = ColumnStatistics()
    /// Bytes of headers and of pages before compression.
    private var plainSize = 0

    /// Raw bytes after which a page ends; the record that passes them is still in it.
    static let pageSize = 1 << 20

    init(_ column: ParquetColumn) {
        self.column = column
        usesDictionary = column.type != .boolean
    }

    var memoryUsed: Int { pages.capacity + dictionary.capacity }

    /// Makes a page of everything that waits in `entries`.
    mutating func writePage(
        _ entries: inout ColumnValues, with tools: inout PageTools
    ) throws(CompressionError) {
        let count = entries.entryCount
        guard count > 0 else { return }
        tools.body.removeAll()
        if column.maximumRepetition > 0 { tools.append(levels: entries.repetitions, upTo: column.maximumRepetition) }
        if column.maximumDefinition > 0 { tools.append(levels: entries.definitions, upTo: column.maximumDefinition) }
        let known = dictionary.values.count
        // A page without values says nothing about the dictionary.
        let hasValues = entries.valueCount > 0
        if usesDictionary, hasValues,
            !dictionary.index(
                entries.values, valueCount: entries.valueCount, width: column.width, into: &tools.indexes)
        {
            usesDictionary = false
        }
        let isIndexed = usesDictionary && hasValues
        if isIndexed {
            statistics.add(dictionary.values, from: known, of: column)
            tools.append(indexesOfWidth: dictionary.bitWidth)
        } else {
            hasPlainPages = true
            statistics.add(entries.values, of: column)
            tools.append(plain: entries.values, isBoolean: column.type == .boolean)
        }
        statistics.add(nulls: count - entries.valueCount)
        let encoding = isIndexed ? ParquetEncoding.dictionary : .plain
        plainSize += try tools.finishPage(into: &pages, type: .data) { header in
            header.field(5) {
                $0.field(1, Int32(truncatingIfNeeded: count))
                $0.field(2, encoding.rawValue)
                $0.field(3, ParquetEncoding.rle.rawValue)
                $0.field(4, ParquetEncoding.rle.rawValue)
            }
        }
        entryCount += count
        entries.removeAll(keeping: 2 * Self.pageSize)
    }

    /// Appends the chunk to the file and begins the next one; returns what the footer says of it.
    ///
    /// - Parameter offset: where in the file `output` begins.
    mutating func finish(
        into output: inout GrowingBuffer, at offset: Int, codec: ParquetFile.Codec, with tools: inout PageTools
    ) throws(CompressionError) -> ColumnChunk {
        let start = offset + output.count
        let hasDictionary = dictionary.count > 0
        if hasDictionary {
            tools.body.removeAll()
            unsafe tools.body.append(dictionary.values.bytes)
            let count = dictionary.count
            plainSize += try tools.finishPage(into: &output, type: .dictionary) { header in
                header.field(7) {
                    $0.field(1, Int32(truncatingIfNeeded: count))
                    $0.field(2, ParquetEncoding.plain.rawValue)
                }
            }
        }
        let dataStart = offset + output.count
        unsafe output.append(pages.bytes)
        var encodings: [ParquetEncoding] = []
        if hasDictionary || hasPlainPages { encodings.append(.plain) }
        if column.maximumDefinition > 0 || column.maximumRepetition > 0 { encodings.append(.rle) }
        if hasDictionary { encodings.append(.dictionary) }
        let chunk = ColumnChunk(
            column: column, codec: codec, encodings: encodings, entryCount: entryCount, plainSize: plainSize,
            size: offset + output.count - start, dataStart: dataStart,
            dictionaryStart: hasDictionary ? start : nil, statistics: statistics)
        reset()
        return chunk
    }

    private mutating func reset() {
        pages.removeAll(keeping: Self.pageSize)
        dictionary.removeAll()
        usesDictionary = column.type != .boolean
        hasPlainPages = false
        entryCount = 0
        plainSize = 0
        statistics = ColumnStatistics()
    }
}

/// What the footer says of one column of a row group.
struct ColumnChunk {
    let column: ParquetColumn
    let codec: ParquetFile.Codec
    let encodings: [ParquetEncoding]
    let entryCount: Int
    let plainSize: Int
    let size: Int
    let dataStart: Int
    let dictionaryStart: Int?
    let statistics: ColumnStatistics

    func write(to thrift: inout ThriftCompactWriter) {
        // Where separate metadata would lie; there is none (ColumnChunk.file_offset).
        thrift.field(2, Int64(0))
        thrift.field(3) {
            $0.field(1, column.type.rawValue)
            $0.field(2, list: encodings.map(\.rawValue))
            $0.field(3, list: column.path)
            $0.field(4, codec.number)
            $0.field(5, Int64(entryCount))
            $0.field(6, Int64(plainSize))
            $0.field(7, Int64(size))
            $0.field(9, Int64(dataStart))
            if let dictionaryStart { $0.field(11, Int64(dictionaryStart)) }
            $0.field(12) { statistics.write(to: &$0) }
        }
    }
}

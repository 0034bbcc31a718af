/// Renders a footer without the numbers that compression decides on, which are compared with the pages instead.
struct ParquetFooterContent {
    /// Ids of the fields on the way to one, a byte each.
    private enum Path {
        static let createdBy = 0x06
        static let rowGroups = 0x04
        static let groupPlainSize = 0x0402
        static let groupStart = 0x0405
        static let groupSize = 0x0406
        static let chunk = 0x04_01_03
        static let codec = 0x04_01_03_04
        static let chunkPlainSize = 0x04_01_03_06
        static let chunkSize = 0x04_01_03_07
        static let dataStart = 0x04_01_03_09
        static let dictionaryStart = 0x04_01_03_0B
    }

    private typealias Fault = ParquetContent.Fault

    /// The numbers that describe one chunk, or the sum of a row group's.
    private struct Sizes {
        var plainSize: Int64 = 0
        var size: Int64 = 0
        var dataStart: Int64?
        var dictionaryStart: Int64?
    }

    private static let depthMax = 7
    private var reader: ThriftCompactReader
    private let pages: [ParquetContent.Page]
    private let codec: ParquetFile.Codec
    /// Pages that no chunk has claimed yet.
    private var rest: ArraySlice<ParquetContent.Page>
    private var chunk = Sizes()
    private var group = Sizes()
    private var groupStart: Int64?

    init(_ bytes: [UInt8], pages: [ParquetContent.Page], codec: ParquetFile.Codec) {
        reader = ThriftCompactReader(bytes, at: 0)
        self.pages = pages
        self.codec = codec
        rest = pages[...]
    }

    mutating func render(into rendering: inout Rendering) throws(ParquetContent.Fault) {
        do {
            try structure(0, into: &rendering)
        } catch let fault as ParquetContent.Fault {
            throw fault
        } catch {
            throw Fault("its footer is damaged")
        }
        guard reader.position == reader.bytes.count else { throw Fault("its footer ends early") }
        guard rest.isEmpty else { throw Fault("its footer does not know all of its pages") }
    }

    private mutating func structure(_ path: Int, into rendering: inout Rendering) throws {
        if path == Path.chunk { chunk = Sizes() }
        if path == Path.rowGroups {
            group = Sizes()
            groupStart = nil
        }
        var last: Int16 = 0
        while let field = try reader.field(after: last) {
            last = field.id
            guard (1...255).contains(field.id), path >> (8 * Self.depthMax) == 0 else {
                throw Fault("its footer has fields that Parquet does not know")
            }
            let inner = path << 8 | Int(field.id)
            guard inner != Path.createdBy else {
                try reader.skip(field.wire)
                continue
            }
            if field.wire == 6 || field.wire == 5, try take(inner) { continue }
            rendering.add(Int64(inner))
            rendering.add(Int64(field.wire))
            try value(field.wire, inner, into: &rendering)
        }
        if path == Path.chunk { try claim(into: &rendering) }
        rendering.add(-1)
    }

    private mutating func value(_ wire: UInt8, _ path: Int, into rendering: inout Rendering) throws {
        switch wire {
        case ThriftCompactReader.structure: try structure(path, into: &rendering)
        case ThriftCompactReader.list:
            let start = reader.position
            let (count, element) = try reader.listHead()
            guard element == ThriftCompactReader.structure else {
                reader = ThriftCompactReader(reader.bytes, at: start)
                return try copy(wire, into: &rendering)
            }
            rendering.add(Int64(count))
            for _ in 0..<count { try structure(path, into: &rendering) }
        default: try copy(wire, into: &rendering)
        }
    }

    private mutating func copy(_ wire: UInt8, into rendering: inout Rendering) throws {
        let start = reader.position
        try reader.skip(wire)
        rendering.add(Array(reader.bytes[start..<reader.position]))
    }

    /// Reads a number that compression decides on; false, with nothing read, for any other.
    private mutating func take(_ path: Int) throws -> Bool {
        switch path {
        case Path.codec:
            guard try reader.number() == Int64(codec.number) else { throw Fault("a column has another codec") }
        case Path.chunkPlainSize: chunk.plainSize = try reader.number()
        case Path.chunkSize: chunk.size = try reader.number()
        case Path.dataStart: chunk.dataStart = try reader.number()
        case Path.dictionaryStart: chunk.dictionaryStart = try reader.number()
        case Path.groupPlainSize: try check(try reader.number() == group.plainSize)
        case Path.groupStart: try check(try reader.number() == groupStart)
        case Path.groupSize: try check(try reader.number() == group.size)
        default: return false
        }
        return true
    }

    /// Takes the pages of the chunk that has just been read: they must be those that follow the chunk before.
    private mutating func claim(into rendering: inout Rendering) throws {
        var plainSize: Int64 = 0
        var size: Int64 = 0
        let taken = rest.prefix { page in
            guard size < chunk.size else { return false }
            plainSize += Int64(page.headerSize + page.plainSize)
            size += Int64(page.headerSize + page.size)
            return true
        }
        rest = rest.dropFirst(taken.count)
        let data = chunk.dictionaryStart == nil ? taken.first : taken.dropFirst().first
        try check(size == chunk.size && plainSize == chunk.plainSize)
        try check(data.map { Int64($0.start) } == chunk.dataStart)
        if let start = chunk.dictionaryStart { try check(taken.first.map { Int64($0.start) } == start) }
        groupStart = groupStart ?? taken.first.map { Int64($0.start) }
        group.plainSize += plainSize
        group.size += size
        rendering.add(Int64(taken.count))
        rendering.add(chunk.dictionaryStart == nil ? 0 : 1)
    }

    private func check(_ isRight: Bool) throws(ParquetContent.Fault) {
        guard isRight else { throw Fault("its footer does not fit its pages") }
    }
}

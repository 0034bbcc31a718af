internal import Compression
internal import SluiceCore

/// What a Parquet file of ours says, whatever a compressor has made of its pages: two files of the same records and
/// schema have the same content, also when different versions of a library, or different codecs, have compressed them.
///
/// The file is read once, front to back. The content is a rendering of every page as it was before compression, with its
/// header but for sizes and checksum, and of the footer but for the numbers that follow from sizes. Those are checked
/// instead: each page against its checksum, each number in the footer against the pages that were met.
///
/// Holds one page and the footer in memory. After an error it is of no further use.
package struct ParquetContent: Sendable {
    /// Why the bytes are no Parquet file as `ParquetFile` writes them.
    package struct Fault: Error, Sendable, CustomStringConvertible {
        package let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// Where a page lies, and what it takes.
    struct Page: Sendable {
        let start: Int
        let headerSize: Int
        let size: Int
        let plainSize: Int
    }

    /// A page ends with the record that passes 1 MiB, and a record has a few MiB at most.
    private static let pageSizeMax = 32 << 20
    private static let headerSizeMax = 4 << 10
    /// That of a file with hundreds of columns takes some MiB.
    private static let footerSizeMax = 64 << 20
    /// As many as a thousand row groups of a thousand columns have.
    package static let pagesMax = 2 << 20
    private static let magic = Array("PAR1".utf8)

    private let codec: ParquetFile.Codec
    private let pagesMax: Int
    /// Bytes that have come and are not understood yet.
    private var waiting: [UInt8] = []
    /// How much of `waiting` is understood all the same.
    private var taken = 0
    /// Where in the file `waiting` begins.
    private var start = 0
    private var pages: [Page] = []
    private var isInFooter = false
    private var rendering = Rendering()

    /// - Parameters:
    ///   - codec: what the footer must say of each column.
    ///   - pagesMax: the most that a file may have, each noted in some bytes.
    package init(codec: ParquetFile.Codec, pagesMax: Int = ParquetContent.pagesMax) {
        self.codec = codec
        self.pagesMax = pagesMax
    }

    /// Takes more of the file.
    package mutating func append(_ bytes: [UInt8]) throws(Fault) {
        waiting += bytes
        if position == 0 {
            guard waiting.count >= Self.magic.count else { return }
            guard waiting.starts(with: Self.magic) else { throw Fault("it does not begin as a Parquet file") }
            taken = Self.magic.count
        }
        while !isInFooter, try takePage() {}
        waiting.removeFirst(taken)
        start += taken
        taken = 0
        guard waiting.count <= (isInFooter ? Self.footerSizeMax : Self.pageSizeMax + Self.headerSizeMax) else {
            throw Fault("what begins at byte \(position) is larger than anything in a file of ours")
        }
    }

    /// Says that nothing follows; gives length and CRC-32C of the content's rendering.
    package mutating func finish() throws(Fault) -> (length: Int, crc32c: UInt32) {
        let tail = 4 + Self.magic.count
        guard isInFooter, waiting.count > tail, waiting.suffix(Self.magic.count).elementsEqual(Self.magic) else {
            throw Fault("it ends before its footer does")
        }
        let size = waiting.suffix(tail).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard size == waiting.count - tail else { throw Fault("its footer has another size than it says") }
        waiting.removeLast(tail)
        var footer = ParquetFooterContent(waiting, pages: pages, codec: codec)
        try footer.render(into: &rendering)
        return (rendering.length, rendering.crc)
    }

    /// The first byte that is not understood yet.
    private var position: Int { start + taken }

    /// Takes the next page; false when it is not there as a whole yet, or when the footer begins.
    private mutating func takePage() throws(Fault) -> Bool {
        let header: PageHeader
        do {
            guard let found = try PageHeader(waiting, at: taken) else {
                isInFooter = true
                return false
            }
            header = found
        } catch {
            guard error == .cutShort, waiting.count - taken < Self.headerSizeMax else {
                throw Fault("there is no page at byte \(position)")
            }
            return false
        }
        guard header.size <= Self.pageSizeMax, header.plainSize <= Self.pageSizeMax else {
            throw Fault("the page at byte \(position) is larger than any of ours")
        }
        guard waiting.count - taken >= header.length + header.size else { return false }
        guard pages.count < pagesMax else { throw Fault("it has more pages than any file of ours") }
        let body = Array(waiting[taken + header.length..<taken + header.length + header.size])
        guard unsafe body.withUnsafeBytes({ unsafe CRC32.checksum($0) }) == header.checksum else {
            throw Fault("the page at byte \(position) does not have its checksum")
        }
        rendering.add(header.type)
        rendering.add(Int64(header.plainSize))
        rendering.add(header.kind)
        rendering.add(Array(waiting[header.details]))
        rendering.add(try plain(body, header.plainSize))
        pages.append(
            Page(start: position, headerSize: header.length, size: header.size, plainSize: header.plainSize))
        taken += header.length + header.size
        return true
    }

    private func plain(_ body: [UInt8], _ size: Int) throws(Fault) -> [UInt8] {
        let coding: ContentCoding
        switch codec {
        case .none:
            guard body.count == size else { throw Fault("the page at byte \(position) has two sizes") }
            return body
        case .snappy: coding = .snappy
        case .zstd: coding = .zstd
        }
        do {
            return try Compression.decompress(body, as: coding, announcedSize: size, limit: Self.pageSizeMax)
        } catch {
            throw Fault("the page at byte \(position) does not decompress: \(error.message)")
        }
    }
}

/// Length and checksum of what is rendered, each part of it behind its own length.
struct Rendering: Sendable {
    private(set) var length = 0
    private(set) var crc: UInt32 = 0

    mutating func add(_ bytes: [UInt8]) {
        add(Int64(bytes.count))
        note(bytes)
    }

    mutating func add(_ number: Int64) {
        note((0..<8).map { UInt8(truncatingIfNeeded: number >> Int64(8 * $0)) })
    }

    private mutating func note(_ bytes: [UInt8]) {
        length += bytes.count
        crc = CRC32C.checksum(bytes, continuing: crc)
    }
}

/// The header in front of a page.
private struct PageHeader {
    var type: Int64 = 0
    var plainSize = 0
    var size = 0
    var checksum: UInt32 = 0
    /// Which of its fields says more of the values.
    var kind: Int64 = 0
    /// What that says, as it stands there.
    var details = 0..<0
    var length = 0

    /// Nil when something else than a page begins: the footer's second field is a list, a page's a number.
    init?(_ bytes: [UInt8], at position: Int) throws(ThriftCompactReader.Fault) {
        var reader = ThriftCompactReader(bytes, at: position)
        var last: Int16 = 0
        while let field = try reader.field(after: last) {
            last = field.id
            switch (field.id, field.wire) {
            case (1, ThriftCompactReader.i32): type = try reader.number()
            case (2, ThriftCompactReader.i32): plainSize = try Self.size(reader.number())
            case (2, ThriftCompactReader.list): return nil
            case (3, ThriftCompactReader.i32): size = try Self.size(reader.number())
            case (4, ThriftCompactReader.i32):
                guard let number = Int32(exactly: try reader.number()) else { throw .damaged }
                checksum = UInt32(bitPattern: number)
            case (5, ThriftCompactReader.structure), (7, ThriftCompactReader.structure):
                let start = reader.position
                try reader.skip(field.wire)
                kind = Int64(field.id)
                details = start..<reader.position
            default: throw .damaged
            }
        }
        guard !details.isEmpty else { throw .damaged }
        length = reader.position - position
    }

    private static func size(_ number: Int64) throws(ThriftCompactReader.Fault) -> Int {
        guard number >= 0, number <= Int64(Int32.max) else { throw .damaged }
        return Int(number)
    }
}

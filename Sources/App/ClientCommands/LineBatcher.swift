internal import SluiceCore
internal import Terminal

/// Cuts input into records and writes them straight into request bodies: nothing is allocated per record.
struct LineBatcher {
    /// What one request carries at most (spec section 1.2: 5 MB, of which the legacy clients use 4).
    static let recordsMax = 500
    static let dataBytesMax = 4 << 20
    /// The longest record the service takes.
    static let recordBytesMax = 1 << 20

    enum Format: Sendable, Equatable {
        /// Every line is a record, also an empty one.
        case lines
        /// Every line that is not blank is a JSON text; `keyField` names the member whose value is the partition key.
        case json(keyField: String?)
    }

    private let head: [UInt8]
    private let recordEnd: [UInt8]
    private let format: Format
    private let recordsMax: Int
    private var rest: [UInt8] = []
    private var line = 0
    private var batch: PutBatch

    /// - Parameters:
    ///   - key: the partition key of all records; not together with a key field.
    ///   - partition: the partition of all records.
    init(stream: String, format: Format, key: String?, partition: String?, recordsMax: Int = LineBatcher.recordsMax) {
        var head = Array(#"{"stream_name":"#.utf8)
        JSONText.append(quoted: stream, to: &head)
        head += Array(#","records":["#.utf8)
        var end = Array("\"".utf8)
        for (name, value) in [("partition_key", key), ("partition_id", partition)] {
            guard let value else { continue }
            end += Array(",\"\(name)\":".utf8)
            JSONText.append(quoted: value, to: &end)
        }
        end += Array("}".utf8)
        self.head = head
        recordEnd = end
        self.format = format
        self.recordsMax = recordsMax
        batch = PutBatch(head: head)
    }

    /// Records that wait for their batch to fill.
    var isEmpty: Bool { batch.count == 0 }

    /// Takes bytes of the input and gives the batches that became full.
    ///
    /// Throws `CommandError`, naming the line, for one that is too long or not JSON; the records before it are in the
    /// batches given so far and in `flush()`.
    mutating func append(_ bytes: [UInt8], full: inout [PutBatch]) throws(CommandError) {
        var start = 0
        while let end = Self.lineFeed(in: bytes, from: start) {
            if rest.isEmpty {
                try add(bytes, start..<end, consumed: end + 1 - start, full: &full)
            } else {
                let carried = rest + bytes[start..<end]
                rest.removeAll(keepingCapacity: true)
                try add(carried, 0..<carried.count, consumed: carried.count + 1, full: &full)
            }
            start = end + 1
        }
        rest += bytes[start...]
        if rest.count > Self.recordBytesMax { throw tooLong(line + 1) }
    }

    /// The input has ended: a last line without line feed is a record too.
    mutating func finish(full: inout [PutBatch]) throws(CommandError) {
        guard !rest.isEmpty else { return }
        let last = rest
        rest = []
        try add(last, 0..<last.count, consumed: last.count, full: &full)
    }

    /// A record that is no line of the input. Throws when it is too long.
    mutating func append(record: [UInt8], full: inout [PutBatch]) throws(CommandError) {
        try add(record, 0..<record.count, consumed: record.count, full: &full)
    }

    /// The batch begun; nil when it has no record.
    mutating func flush() -> PutBatch? {
        guard batch.count > 0 else { return nil }
        let full = batch
        batch = PutBatch(head: head)
        return full
    }

    private func tooLong(_ line: Int) -> CommandError {
        CommandError("Line \(line) is longer than the \(HumanText.bytes(Self.recordBytesMax)) that a record may have.")
    }

    private mutating func add(
        _ bytes: [UInt8], _ range: Range<Int>, consumed: Int, full: inout [PutBatch]
    ) throws(CommandError) {
        line += 1
        guard range.count <= Self.recordBytesMax else { throw tooLong(line) }
        var key: Range<Int>?
        if case .json(let keyField) = format {
            var scanner = JSONLineScanner(bytes, range)
            switch scanner.scan(member: keyField) {
            case .blank: return
            case .invalid(let offset):
                throw CommandError("Line \(line) is not JSON (byte \(offset - range.lowerBound + 1)).")
            case .valid(let value): key = value
            }
        }
        if batch.count == recordsMax || batch.dataBytes + range.count > Self.dataBytesMax, let next = flush() {
            full.append(next)
        }
        batch.append(bytes, range, end: recordEnd, key: key, line: line, consumed: consumed)
    }

    private static func lineFeed(in bytes: [UInt8], from start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        return unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let found = unsafe findByte(base + start, 0x0A, buffer.count - start)
            else { return nil }
            return unsafe found - base
        }
    }
}

/// Records in the form in which a request carries them.
struct PutBatch: Sendable {
    /// The body up to and without the last two brackets.
    private(set) var bytes: [UInt8]
    /// Where each record's object begins in `bytes`.
    private(set) var starts: [Int] = []
    /// The line of the input that each record came from.
    private(set) var lines: [Int] = []
    /// Bytes of record data, before Base64.
    private(set) var dataBytes = 0
    /// Bytes of the input that these records took.
    private(set) var consumedBytes = 0
    private let head: [UInt8]

    private static let recordStart = Array(#"{"data":""#.utf8)
    private static let bodyEnd = Array("]}".utf8)

    init(head: [UInt8]) {
        self.head = head
        bytes = head
    }

    var count: Int { starts.count }
    /// The whole request body.
    var body: [UInt8] { bytes + Self.bodyEnd }

    /// - Parameters:
    ///   - end: what closes the record's object, the quote behind the data first.
    ///   - key: where in `source` the partition key's JSON string or number stands.
    mutating func append(
        _ source: [UInt8], _ range: Range<Int>, end: [UInt8], key: Range<Int>?, line: Int, consumed: Int
    ) {
        if starts.isEmpty {
            bytes.reserveCapacity(1 << 20)
        } else {
            bytes.append(UInt8(ascii: ","))
        }
        starts.append(bytes.count)
        lines.append(line)
        dataBytes += range.count
        consumedBytes += consumed
        bytes += Self.recordStart
        let count = Base64.encodedCount(range.count)
        bytes.append(addingCapacity: count) { span in
            unsafe span.withUnsafeMutableBufferPointer { buffer, initialized in
                unsafe source.withUnsafeBytes { data in
                    let target = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized..<initialized + count])
                    initialized += unsafe Base64.encode(UnsafeRawBufferPointer(rebasing: data[range]), into: target)
                }
            }
        }
        if let key {
            let isText = source[key.lowerBound] == UInt8(ascii: "\"")
            bytes += Array(#"","partition_key":"#.utf8)
            if !isText { bytes.append(UInt8(ascii: "\"")) }
            bytes += source[key]
            if !isText { bytes.append(UInt8(ascii: "\"")) }
            bytes += end.dropFirst()
        } else {
            bytes += end
        }
    }

    /// A batch of some of these records, to be sent again; it counts none of the input's bytes a second time.
    func selecting(_ indexes: [Int]) -> PutBatch {
        var selected = PutBatch(head: head)
        for index in indexes {
            if !selected.starts.isEmpty { selected.bytes.append(UInt8(ascii: ",")) }
            selected.starts.append(selected.bytes.count)
            selected.lines.append(lines[index])
            // The next record stands behind a comma.
            let end = index + 1 < starts.count ? starts[index + 1] - 1 : bytes.count
            selected.bytes += bytes[starts[index]..<end]
        }
        return selected
    }
}

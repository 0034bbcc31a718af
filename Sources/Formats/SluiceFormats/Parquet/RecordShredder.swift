internal import CKernels

/// Reads JSON records in one pass straight into columns.
///
/// The schema drives it: a node says what may stand at a place and which columns it feeds. Members are looked for first
/// where the record before had them, then by hash; nothing is allocated for a value. Each value that is there or not
/// leaves one entry with its levels in each column below it (https://parquet.apache.org/docs/file-format/nestedencoding/).
///
/// Where a name comes twice in an object, the last one counts, as most readers of JSON have it. As that is known only
/// when half of the object is in the columns, the record is rolled back and read again with `isCareful`: each object is
/// then passed over once to find which of its members count.
///
/// Not thread-safe; may move between threads.
@safe struct RecordShredder: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable` is right because the memory has one owner, which alone can reach it.
    let plan: ShredPlan
    let nodes: UnsafePointer<ParquetNode>
    let columns: UnsafeMutablePointer<ColumnValues>
    let columnCount: Int
    var cursor: JSONCursor

    /// The object in which each member was met last.
    let seen: UnsafeMutablePointer<UInt64>
    /// The member that came behind this one the last time.
    let following: UnsafeMutablePointer<Int32>
    /// The member that came first in this object the last time.
    let leading: UnsafeMutablePointer<Int32>
    /// Numbers objects.
    var objectCount: UInt64 = 0
    var isCareful = false
    var isDefault = false
    /// How much more may stand in columns for what the record does not say: its length bounds only what it says.
    private(set) var filling = fillingMax
    /// Unescaped text.
    var scratch = GrowingBuffer()
    /// Hashes of the keys of the maps around the current place.
    var keyHashes: [UInt64] = []

    init(_ plan: ShredPlan) {
        self.plan = plan
        unsafe nodes = plan.nodes
        columnCount = plan.columns.count
        unsafe columns = .allocate(capacity: columnCount)
        for (index, column) in plan.columns.enumerated() {
            unsafe (columns + index).initialize(to: ColumnValues(column))
        }
        unsafe cursor = JSONCursor(UnsafeRawBufferPointer(start: plan.text, count: 0), base: plan.text)
        unsafe seen = .allocate(capacity: plan.nodeCount)
        unsafe seen.initialize(repeating: 0, count: plan.nodeCount)
        unsafe following = .allocate(capacity: plan.nodeCount)
        unsafe leading = .allocate(capacity: plan.nodeCount)
        for index in 0..<plan.nodeCount {
            unsafe following[index] = Int32(index + 1)
            unsafe leading[index] = nodes[index].firstChild
        }
    }

    deinit {
        unsafe columns.deinitialize(count: columnCount)
        unsafe columns.deallocate()
        unsafe seen.deallocate()
        unsafe following.deallocate()
        unsafe leading.deallocate()
    }

    /// Reads one record into the columns, or leaves them as they were.
    mutating func append(_ json: UnsafeRawBufferPointer) throws(ShredFault) {
        guard let base = unsafe json.baseAddress?.assumingMemoryBound(to: UInt8.self), json.count <= Self.recordBytesMax
        else { throw unsafe ShredFault(json.isEmpty ? .syntax : .tooLong) }
        do throws(ShredFault) {
            try unsafe record(json, base)
        } catch {
            rollBack()
            // What fails may be a value that another of that name replaces.
            guard error.isOfRecord else { throw error }
            isCareful = true
            defer { isCareful = false }
            do throws(ShredFault) {
                try unsafe record(json, base)
            } catch {
                rollBack()
                throw error
            }
        }
        for column in 0..<columnCount { unsafe columns[column].keep() }
    }

    /// Lengths in pages have four bytes and a sign.
    /// Entries without value and bytes of defaults that one record may leave.
    static let fillingMax = 32 << 20

    static let recordBytesMax = 1 << 30

    private mutating func record(_ json: UnsafeRawBufferPointer, _ base: UnsafePointer<UInt8>) throws(ShredFault) {
        unsafe cursor = JSONCursor(json, base: base)
        cursor.skipBlanks()
        filling = Self.fillingMax
        try unsafe present(nodes, 0)
        cursor.skipBlanks()
        guard cursor.isAtEnd else { throw ShredFault(.trailing, at: cursor.offset) }
    }

    private mutating func rollBack() {
        keyHashes.removeAll(keepingCapacity: true)
        isDefault = false
        for column in 0..<columnCount { unsafe columns[column].roll(back: columns[column].kept) }
    }

    /// Throws when the node's default is no value of its type.
    mutating func checkDefault(_ index: Int) throws(ShredFault) {
        defer { rollBack() }
        try unsafe defaultValue(nodes + index, 0)
    }

    /// Bytes held for columns and tables.
    var memoryUsed: Int {
        var bytes = scratch.capacity + keyHashes.capacity * 8 + plan.nodeCount * 16
        for column in 0..<columnCount { bytes += unsafe columns[column].capacity }
        return bytes
    }

    // MARK: any value

    /// Reads what stands next as the value of a node, null included.
    @inline(__always)
    mutating func value(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        let byte = cursor.next
        if byte == UInt8(ascii: "n") {
            try cursor.literal("null")
            guard unsafe node.pointee.isOptional else { throw unsafe ShredFault(.null, node.pointee.index) }
            return unsafe absent(node, repetition, node.pointee.definition - 1)
        }
        if byte == UInt8(ascii: "{"), unsafe node.pointee.isWrappable, try unsafe wrapped(node, repetition) { return }
        try unsafe present(node, repetition)
    }

    /// Throws where an array or map has made too much of little; each item asks.
    @inline(__always)
    func checkFilling() throws(ShredFault) {
        if filling < 0 { throw ShredFault(.tooManyEntries) }
    }

    /// Leaves an entry without value in each column of a node.
    @inline(__always)
    mutating func absent(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8, _ definition: UInt8) {
        let range = unsafe Int(node.pointee.firstColumn)..<Int(node.pointee.columnEnd)
        filling -= range.count
        for column in range {
            unsafe columns[column].appendLevels(repetition, definition)
        }
    }

    /// Reads a value that is not null.
    mutating func present(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        switch unsafe node.pointee.kind {
        case .record: try unsafe record(node, repetition)
        case .list: try unsafe list(node, repetition)
        case .map: try unsafe map(node, repetition)
        case .union: try unsafe union(node, repetition)
        default:
            let column = unsafe columns + Int(node.pointee.firstColumn)
            try unsafe leaf(node, column)
            unsafe column.pointee.appendLevels(repetition, node.pointee.definition)
        }
    }

    /// What a member that the record does not have stands for.
    mutating func missing(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        if unsafe node.pointee.defaultText.length > 0 {
            try unsafe defaultValue(node, repetition)
        } else if unsafe node.pointee.isOptional {
            unsafe absent(node, repetition, node.pointee.definition - 1)
        } else {
            throw unsafe ShredFault(.missing, node.pointee.index)
        }
    }

    private mutating func defaultValue(
        _ node: UnsafePointer<ParquetNode>, _ repetition: UInt8
    ) throws(ShredFault) {
        let text = unsafe plan.bytes(node.pointee.defaultText)
        let outer = (cursor, isDefault)
        filling -= text.count
        unsafe cursor = JSONCursor(text, base: plan.text + Int(node.pointee.defaultText.offset))
        isDefault = true
        try unsafe value(node, repetition)
        (cursor, isDefault) = outer
    }

    /// The bytes of a string with its escapes resolved; in `scratch` where there are any.
    @inline(__always)
    mutating func resolved(_ text: JSONCursor.Text) -> UnsafeRawBufferPointer {
        guard text.hasEscapes else { return unsafe text.bytes }
        scratch.removeAll()
        scratch.reserve(text.count)
        let target = unsafe scratch.start.assumingMemoryBound(to: UInt8.self)
        scratch.advance(by: unsafe sluice_json_unescape(text.start, text.count, target))
        return unsafe scratch.bytes
    }

    /// The child of that name.
    mutating func child(_ name: UnsafeRawBufferPointer, of node: UnsafePointer<ParquetNode>) -> Int? {
        let mask = unsafe Int(node.pointee.slotMask)
        let table = unsafe plan.slots + Int(node.pointee.slots)
        var slot = unsafe Int(ParquetNode.hash(name)) & mask
        while case let index = unsafe Int(table[slot]), index >= 0 {
            if unsafe plan.bytes(nodes[index].name).elementsEqual(name) { return index }
            slot = (slot + 1) & mask
        }
        return nil
    }
}

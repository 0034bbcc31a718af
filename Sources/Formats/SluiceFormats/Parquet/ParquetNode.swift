/// A place of the schema where a JSON value may stand.
///
/// Plain numbers only: nodes lie one behind the other in memory, the members of a record, the symbols of an enum, the
/// branches of a union next to each other, and are read without reference counting.
struct ParquetNode: BitwiseCopyable {
    enum Kind: UInt8 {
        case boolean, int, long, float, double, string, bytes, fixed, enumeration
        case date, timeMillis, timeMicros, timestampMillis, timestampMicros, localMillis, localMicros
        case decimal, uuid
        case record, list, map, union
        /// A symbol of an enum: a name only.
        case symbol
    }

    var kind: Kind
    /// Whether JSON null may stand here.
    var isOptional = false
    /// Whether the value may be wrapped in an object that names its type, as Avro's JSON encoding does for unions.
    var isWrappable = false
    /// The level of a value that is there; null has one less.
    var definition: UInt8 = 0
    /// The level of the second and later items of an array or map.
    var repetition: UInt8 = 0
    var precision: UInt8 = 0
    var scale: UInt8 = 0
    /// Bytes of a fixed value.
    var width: Int32 = 0
    var index: Int32 = 0
    /// The node around it; -1 for the record itself.
    var parent: Int32 = -1
    /// The leaf columns below.
    var firstColumn: Int32 = 0
    var columnEnd: Int32 = 0
    var firstChild: Int32 = 0
    var childCount: Int32 = 0
    /// The field's or symbol's name.
    var name = Piece()
    /// The name of the type in a union.
    var typeName = Piece()
    /// The default's JSON text; empty without a default.
    var defaultText = Piece()
    /// Where the hash table of the children's names begins, and its size less one.
    var slots: Int32 = 0
    var slotMask: Int32 = 0

    /// A piece of the plan's text.
    struct Piece: BitwiseCopyable {
        var offset: Int32 = 0
        var length: Int32 = 0
    }

    /// A hash of a name (FNV-1a): names come from the schema's author, not from records.
    static func hash(_ name: UnsafeRawBufferPointer) -> UInt32 {
        unsafe name.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}

/// A compiled schema: its nodes, the text they refer to, and what the footer says of it.
@safe final class ShredPlan: @unchecked Sendable {
    // `@unchecked Sendable` is right because nothing is changed after `init`.
    let nodes: UnsafePointer<ParquetNode>
    let text: UnsafePointer<UInt8>
    let slots: UnsafePointer<Int32>
    let nodeCount: Int
    let columns: [ParquetColumn]
    let elements: [ParquetElement]

    init(_ builder: ShredPlanBuilder) {
        unsafe nodes = Self.copy(builder.nodes)
        unsafe text = Self.copy(builder.text)
        unsafe slots = Self.copy(builder.slots)
        nodeCount = builder.nodes.count
        columns = builder.columns
        elements = builder.elements
    }

    deinit {
        unsafe nodes.deallocate()
        unsafe text.deallocate()
        unsafe slots.deallocate()
    }

    private static func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
        let target = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
        _ = unsafe target.initialize(from: elements)
        // A buffer of at least one element has an address.
        return unsafe UnsafePointer(target.baseAddress.unsafelyUnwrapped)
    }

    func bytes(_ piece: ParquetNode.Piece) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: text + Int(piece.offset), count: Int(piece.length))
    }

    /// The names from the record to a node, arrays as `[]` and maps as `*`: `order.items[].price`.
    func path(of index: Int) -> String {
        var names: [String] = []
        var at = index
        while at >= 0 {
            let node = unsafe nodes[at]
            if node.name.length > 0 { names.append(unsafe String(decoding: bytes(node.name), as: UTF8.self)) }
            at = Int(node.parent)
        }
        return names.reversed().reduce("") { path, name in
            path.isEmpty || name == "[]" ? path + name : "\(path).\(name)"
        }
    }

    /// Each default has to be a value of its field.
    func checkDefaults() throws(ParquetSchemaError) {
        var shredder = RecordShredder(self)
        for index in 0..<nodeCount {
            guard unsafe nodes[index].defaultText.length > 0 else { continue }
            do throws(ShredFault) {
                try shredder.checkDefault(index)
            } catch {
                throw ParquetSchemaError("the default of `\(path(of: index))` is no value of its type")
            }
        }
    }
}

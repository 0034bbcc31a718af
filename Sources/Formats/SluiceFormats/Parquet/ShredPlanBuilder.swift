/// Compiles an Avro schema into nodes for the reader of records and elements and columns for the writer of files.
struct ShredPlanBuilder {
    private(set) var nodes: [ParquetNode] = []
    private(set) var text: [UInt8] = []
    private(set) var slots: [Int32] = []
    private(set) var columns: [ParquetColumn] = []
    private(set) var elements: [ParquetElement] = []

    /// Nodes beyond the columns are groups, symbols and branches.
    private static let maximumNodes = 65536

    /// Where a type is met: its node, and what is around it.
    private struct Place {
        var index: Int
        var name: String
        var path: [String]
        var depth: Int
        /// Levels of what is around it.
        var definition: UInt8
        var repetition: UInt8
        /// The node's own, where a union around it decides that.
        var repetitionType: ParquetElement.Repetition?
    }

    mutating func compile(_ schema: AvroSchema) throws(ParquetSchemaError) {
        guard case .record(let name, let fields) = schema else {
            throw ParquetSchemaError("the schema is no record; Parquet files hold records")
        }
        try reserveNodes(1)
        elements.append(ParquetElement(name: Self.lastName(name), repetition: nil))
        let place = Place(index: 0, name: "", path: [], depth: 0, definition: 0, repetition: 0)
        nodes[0].kind = .record
        try members(fields, of: name, element: 0, at: place)
        nodes[0].columnEnd = Int32(columns.count)
    }

    // MARK: groups

    private mutating func members(
        _ fields: [AvroSchema.Field], of record: String, element: Int, at place: Place
    ) throws(ParquetSchemaError) {
        // Nulls take no column, as in Avro's own binding.
        let kept = fields.filter { !Self.branches(of: $0.type).types.isEmpty }
        guard !kept.isEmpty else {
            throw ParquetSchemaError("the record \(record) has no columns; Parquet has no groups without members")
        }
        let first = try reserveNodes(kept.count)
        nodes[place.index].firstChild = Int32(first)
        nodes[place.index].childCount = Int32(kept.count)
        elements[element].members = kept.count
        for (offset, field) in kept.enumerated() {
            nodes[first + offset].name = piece(field.name)
            if let value = field.defaultValue { nodes[first + offset].defaultText = piece(value.json) }
            try type(field.type, at: inner(place, index: first + offset, name: field.name))
        }
        nameTable(of: place.index)
    }

    private mutating func type(_ schema: AvroSchema, at place: Place) throws(ParquetSchemaError) {
        guard place.depth <= ParquetSchema.maximumDepth else {
            throw ParquetSchemaError("the schema is nested more than \(ParquetSchema.maximumDepth) levels deep")
        }
        var place = place
        let (types, isNullable) = Self.branches(of: schema)
        nodes[place.index].isOptional = isNullable
        if case .union = schema { nodes[place.index].isWrappable = true }
        if isNullable || place.repetitionType == .optional { place.definition += 1 }
        let repetition = place.repetitionType ?? (isNullable ? .optional : .required)
        nodes[place.index].definition = place.definition
        nodes[place.index].firstColumn = Int32(columns.count)
        switch types.count {
        case 0: throw ParquetSchemaError("`\(place.path.joined(separator: "."))` can be nothing but null")
        case 1: try single(types[0], repetition, at: place)
        default: try union(types, repetition, at: place)
        }
        nodes[place.index].columnEnd = Int32(columns.count)
    }

    private mutating func union(
        _ types: [AvroSchema], _ repetition: ParquetElement.Repetition, at place: Place
    ) throws(ParquetSchemaError) {
        nodes[place.index].kind = .union
        elements.append(ParquetElement(name: place.name, repetition: repetition, members: types.count))
        let first = try reserveNodes(types.count)
        nodes[place.index].firstChild = Int32(first)
        nodes[place.index].childCount = Int32(types.count)
        for (offset, branch) in types.enumerated() {
            var member = inner(place, index: first + offset, name: "member\(offset)")
            member.repetitionType = .optional
            try type(branch, at: member)
        }
    }

    private mutating func single(
        _ schema: AvroSchema, _ repetition: ParquetElement.Repetition, at place: Place
    ) throws(ParquetSchemaError) {
        nodes[place.index].typeName = piece(schema.branchName)
        switch schema {
        case .record(let name, let fields):
            nodes[place.index].kind = .record
            elements.append(ParquetElement(name: place.name, repetition: repetition))
            try members(fields, of: name, element: elements.count - 1, at: place)
        case .array(let items):
            nodes[place.index].kind = .list
            elements.append(ParquetElement(name: place.name, repetition: repetition, members: 1, annotation: .list))
            try repeated("list", [("element", "[]", items)], at: place)
        case .map(let values):
            nodes[place.index].kind = .map
            elements.append(ParquetElement(name: place.name, repetition: repetition, members: 1, annotation: .map))
            try repeated("key_value", [("key", "", .string), ("value", "*", values)], at: place)
        case .reference(let name):
            throw ParquetSchemaError("the type \(name) contains itself; Parquet has no recursive types")
        default:
            try leaf(schema, repetition, at: place)
        }
    }

    /// The inner two levels of an array or map.
    private mutating func repeated(
        _ group: String, _ members: [(name: String, shown: String, type: AvroSchema)], at place: Place
    ) throws(ParquetSchemaError) {
        elements.append(ParquetElement(name: group, repetition: .repeated, members: members.count))
        let first = try reserveNodes(members.count)
        nodes[place.index].firstChild = Int32(first)
        nodes[place.index].childCount = Int32(members.count)
        nodes[place.index].repetition = place.repetition + 1
        var around = place
        around.definition += 1
        around.repetition += 1
        around.path.append(group)
        for (offset, member) in members.enumerated() {
            nodes[first + offset].name = piece(member.shown)
            try type(member.type, at: inner(around, index: first + offset, name: member.name))
        }
    }

    private mutating func leaf(
        _ schema: AvroSchema, _ repetition: ParquetElement.Repetition, at place: Place
    ) throws(ParquetSchemaError) {
        guard columns.count < ParquetSchema.maximumColumns else {
            throw ParquetSchemaError("the schema has more than \(ParquetSchema.maximumColumns) columns")
        }
        let leaf = LeafType(schema)
        if case .fixed(let name, 0, _) = schema {
            throw ParquetSchemaError("the fixed \(name) has no bytes; Parquet has no values of no length")
        }
        nodes[place.index].kind = leaf.kind
        nodes[place.index].width = Int32(leaf.width)
        nodes[place.index].precision = UInt8(leaf.precision)
        nodes[place.index].scale = UInt8(leaf.scale)
        elements.append(
            ParquetElement(
                name: place.name, repetition: repetition, type: leaf.type, width: leaf.width,
                annotation: leaf.annotation))
        columns.append(
            ParquetColumn(
                path: place.path, type: leaf.type, width: leaf.width, order: leaf.order,
                maximumDefinition: place.definition, maximumRepetition: place.repetition))
        if case .enum(_, let symbols) = schema {
            let first = try reserveNodes(symbols.count)
            nodes[place.index].firstChild = Int32(first)
            nodes[place.index].childCount = Int32(symbols.count)
            for (offset, symbol) in symbols.enumerated() { nodes[first + offset].name = piece(symbol) }
            nameTable(of: place.index)
        }
    }

    // MARK: nodes

    /// New nodes next to each other; returns the first one's index.
    @discardableResult
    private mutating func reserveNodes(_ count: Int) throws(ParquetSchemaError) -> Int {
        guard nodes.count + count <= Self.maximumNodes else {
            throw ParquetSchemaError("the schema has more than \(Self.maximumNodes) fields, symbols and branches")
        }
        let first = nodes.count
        for index in first..<first + count { nodes.append(ParquetNode(kind: .symbol, index: Int32(index))) }
        return first
    }

    private mutating func inner(_ place: Place, index: Int, name: String) -> Place {
        nodes[index].parent = Int32(place.index)
        return Place(
            index: index, name: name, path: place.path + [name], depth: place.depth + 1, definition: place.definition,
            repetition: place.repetition)
    }

    private mutating func piece(_ string: String) -> ParquetNode.Piece {
        let bytes = Array(string.utf8)
        defer { text += bytes }
        return ParquetNode.Piece(offset: Int32(text.count), length: Int32(bytes.count))
    }

    /// Open addressing, at most half full; empty slots are -1.
    private mutating func nameTable(of index: Int) {
        let node = nodes[index]
        var size = 2
        while size < 2 * Int(node.childCount) { size *= 2 }
        nodes[index].slots = Int32(slots.count)
        nodes[index].slotMask = Int32(size - 1)
        var table = [Int32](repeating: -1, count: size)
        for child in Int(node.firstChild)..<Int(node.firstChild + node.childCount) {
            let name = nodes[child].name
            let bytes = Array(text[Int(name.offset)..<Int(name.offset + name.length)])
            var slot = unsafe bytes.withUnsafeBytes { unsafe Int(ParquetNode.hash($0)) } & (size - 1)
            while table[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            table[slot] = Int32(child)
        }
        slots += table
    }

    // MARK: Avro

    /// The types that a value may have beside null.
    private static func branches(of schema: AvroSchema) -> (types: [AvroSchema], isNullable: Bool) {
        switch schema {
        case .null: return ([], true)
        case .union(let branches):
            let types = branches.filter { $0 != .null }
            return (types, types.count < branches.count)
        default: return ([schema], false)
        }
    }

    private static func lastName(_ name: String) -> String {
        name.split(separator: ".").last.map(String.init) ?? name
    }
}

internal import SluiceCore

/// An Avro schema, read from its JSON text and checked: every name defined before use, no name twice, members of
/// records and symbols of enums valid (Apache Avro 1.11 specification, "Schema Declaration").
package indirect enum AvroSchema: Sendable, Hashable {
    case null, boolean, int, long, float, double, bytes, string
    case fixed(name: String, size: Int, logical: Logical?)
    case `enum`(name: String, symbols: [String])
    case array(AvroSchema)
    case map(AvroSchema)
    case union([AvroSchema])
    case record(name: String, fields: [Field])
    /// A primitive type that carries a logical one.
    case logical(Logical, AvroSchema)
    /// A record that contains itself, by its full name.
    case reference(String)

    /// Logical types that Sluice knows; unknown ones are ignored, as the specification demands.
    package enum Logical: Sendable, Hashable {
        case decimal(precision: Int, scale: Int)
        case uuid, date, timeMillis, timeMicros, timestampMillis, timestampMicros
        case localTimestampMillis, localTimestampMicros
    }

    package struct Field: Sendable, Hashable {
        package let name: String
        package let type: AvroSchema
        /// The default as JSON; nil when the field must be given.
        package let defaultValue: DefaultValue?
    }

    /// A field's default, kept as JSON text.
    package struct DefaultValue: Sendable, Hashable {
        package let json: String
    }

    /// Nesting beyond this is refused.
    package static let maximumDepth = 64

    /// Reads and checks the JSON text of a schema.
    package init(parsing text: String) throws(AvroSchemaError) {
        guard let json = try? JSONValue(parsing: text) else { throw AvroSchemaError("the schema is not JSON") }
        var reader = Reader()
        self = try reader.schema(json, namespace: "", depth: 0)
    }
}

/// What is wrong with a schema, as a sentence for its author.
package struct AvroSchemaError: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

extension AvroSchema {
    private struct Reader {
        /// Named types that are complete, by full name.
        var defined: [String: AvroSchema] = [:]
        /// Named types whose fields are being read.
        var open: Set<String> = []

        mutating func schema(_ json: JSONValue, namespace: String, depth: Int) throws(AvroSchemaError) -> AvroSchema {
            guard depth <= AvroSchema.maximumDepth else { throw AvroSchemaError("the schema is nested too deeply") }
            switch json {
            case .string(let name): return try named(name, namespace)
            case .array(let branches): return try union(branches, namespace, depth)
            case .object(let members):
                guard let type = members["type"] else { throw AvroSchemaError("a schema has no type") }
                guard case .string(let name) = type else {
                    return try schema(type, namespace: namespace, depth: depth + 1)
                }
                return try declared(name, json, namespace, depth)
            default: throw AvroSchemaError("a schema must be a name, an object or an array")
            }
        }

        private func named(_ name: String, _ namespace: String) throws(AvroSchemaError) -> AvroSchema {
            if let primitive = Self.primitive(name) { return primitive }
            let full = name.contains(".") || namespace.isEmpty ? name : "\(namespace).\(name)"
            if let known = defined[full] ?? defined[name] { return known }
            if open.contains(full) { return .reference(full) }
            throw AvroSchemaError("the type \(name) is not defined")
        }

        private static func primitive(_ name: String) -> AvroSchema? {
            switch name {
            case "null": .null
            case "boolean": .boolean
            case "int": .int
            case "long": .long
            case "float": .float
            case "double": .double
            case "bytes": .bytes
            case "string": .string
            default: nil
            }
        }

        private mutating func union(
            _ branches: [JSONValue], _ namespace: String, _ depth: Int
        ) throws(AvroSchemaError) -> AvroSchema {
            guard !branches.isEmpty else { throw AvroSchemaError("a union must have a branch") }
            var schemas: [AvroSchema] = []
            for branch in branches {
                let schema = try schema(branch, namespace: namespace, depth: depth + 1)
                if case .union = schema { throw AvroSchemaError("a union must not hold a union directly") }
                guard !schemas.contains(where: { $0.branchName == schema.branchName }) else {
                    throw AvroSchemaError("a union holds \(schema.branchName) twice")
                }
                schemas.append(schema)
            }
            return .union(schemas)
        }

        private mutating func declared(
            _ type: String, _ json: JSONValue, _ namespace: String, _ depth: Int
        ) throws(AvroSchemaError) -> AvroSchema {
            switch type {
            case "array":
                guard let items = json["items"] else { throw AvroSchemaError("an array has no items") }
                return .array(try schema(items, namespace: namespace, depth: depth + 1))
            case "map":
                guard let values = json["values"] else { throw AvroSchemaError("a map has no values") }
                return .map(try schema(values, namespace: namespace, depth: depth + 1))
            case "record", "error":
                return try record(json, namespace, depth)
            case "enum":
                let name = try define(json, namespace)
                var symbols: [String] = []
                for symbol in json["symbols"]?.array ?? [] {
                    guard let text = symbol.string, Self.isName(text), !symbols.contains(text) else {
                        throw AvroSchemaError("the symbols of \(name) must be different names")
                    }
                    symbols.append(text)
                }
                guard !symbols.isEmpty else { throw AvroSchemaError("the enum \(name) has no symbols") }
                return finish(name, .enum(name: name, symbols: symbols))
            case "fixed":
                let name = try define(json, namespace)
                guard case .integer(let size)? = json["size"], size >= 0, size <= 1 << 20 else {
                    throw AvroSchemaError("the fixed \(name) needs a size of 0 or more bytes")
                }
                return finish(name, .fixed(name: name, size: Int(size), logical: logical(json, fixedSize: Int(size))))
            default:
                let base = try named(type, namespace)
                guard let logical = logical(json, fixedSize: nil), Self.suits(logical, base) else { return base }
                return .logical(logical, base)
            }
        }

        private mutating func record(
            _ json: JSONValue, _ namespace: String, _ depth: Int
        ) throws(AvroSchemaError) -> AvroSchema {
            let name = try define(json, namespace)
            guard let members = json["fields"]?.array else { throw AvroSchemaError("the record \(name) has no fields") }
            let inner = name.split(separator: ".").dropLast().joined(separator: ".")
            var fields: [Field] = []
            for member in members {
                guard let field = member["name"]?.string, Self.isName(field) else {
                    throw AvroSchemaError("a field of \(name) has no valid name")
                }
                guard !fields.contains(where: { $0.name == field }) else {
                    throw AvroSchemaError("the record \(name) has the field \(field) twice")
                }
                guard let type = member["type"] else { throw AvroSchemaError("the field \(field) has no type") }
                let schema = try schema(type, namespace: inner, depth: depth + 1)
                let value = try? member["default"]?.text()
                fields.append(Field(name: field, type: schema, defaultValue: value.map(DefaultValue.init(json:))))
            }
            return finish(name, .record(name: name, fields: fields))
        }

        /// Takes a new type's full name into use.
        private mutating func define(_ json: JSONValue, _ namespace: String) throws(AvroSchemaError) -> String {
            guard let name = json["name"]?.string,
                name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ Self.isName(String($0)) })
            else { throw AvroSchemaError("a record, enum or fixed has no valid name") }
            let space = json["namespace"]?.string ?? namespace
            let full = name.contains(".") || space.isEmpty ? name : "\(space).\(name)"
            guard defined[full] == nil, open.insert(full).inserted else {
                throw AvroSchemaError("the type \(full) is defined twice")
            }
            return full
        }

        private mutating func finish(_ name: String, _ schema: AvroSchema) -> AvroSchema {
            open.remove(name)
            defined[name] = schema
            return schema
        }

        private func logical(_ json: JSONValue, fixedSize: Int?) -> Logical? {
            switch json["logicalType"]?.string {
            case "decimal":
                guard case .integer(let precision)? = json["precision"], precision > 0, precision <= 38 else {
                    return nil
                }
                var scale: Int64 = 0
                if case .integer(let given)? = json["scale"] { scale = given }
                guard (0...precision).contains(scale) else { return nil }
                return .decimal(precision: Int(precision), scale: Int(scale))
            case "uuid": return .uuid
            case "date": return .date
            case "time-millis": return .timeMillis
            case "time-micros": return .timeMicros
            case "timestamp-millis": return .timestampMillis
            case "timestamp-micros": return .timestampMicros
            case "local-timestamp-millis": return .localTimestampMillis
            case "local-timestamp-micros": return .localTimestampMicros
            default: return nil
            }
        }

        /// Whether a logical type may stand on that primitive one; where not, it is ignored.
        private static func suits(_ logical: Logical, _ base: AvroSchema) -> Bool {
            switch (logical, base) {
            case (.decimal, .bytes), (.uuid, .string), (.date, .int), (.timeMillis, .int), (.timeMicros, .long),
                (.timestampMillis, .long), (.timestampMicros, .long), (.localTimestampMillis, .long),
                (.localTimestampMicros, .long):
                true
            default: false
            }
        }

        private static func isName(_ text: String) -> Bool {
            guard let first = text.utf8.first, first < UInt8(ascii: "0") || first > UInt8(ascii: "9") else {
                return false
            }
            return text.isName(upTo: 512) && !text.contains("-")
        }
    }

    /// What makes branches of a union distinct, and how Avro's JSON encoding names them: a named type by its full name,
    /// others by their type.
    var branchName: String {
        switch self {
        case .null: "null"
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .bytes: "bytes"
        case .string: "string"
        case .array: "array"
        case .map: "map"
        case .union: "union"
        case .logical(_, let base): base.branchName
        case .fixed(let name, _, _), .enum(let name, _), .record(let name, _), .reference(let name): name
        }
    }
}

internal import CYAML

/// Reads a YAML 1.1 text with libyaml into a tree of values.
///
/// Anchors and aliases are resolved; tags are ignored; merge keys (`<<`) mean nothing special. libyaml is reentrant, each
/// call has a parser of its own, and nothing blocks. Any libyaml 0.2 will do.
package enum YAMLDocument {
    /// The document's value; nil when the text holds none.
    package static func parse(_ text: [UInt8], limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> YAMLNode? {
        guard text.count <= limits.maximumSize else {
            throw YAMLError(
                code: .limitExceeded, line: 0,
                message: "the document has \(text.count) bytes, more than \(limits.maximumSize)")
        }
        let reader = try YAMLReader(text, limits: limits)
        return try reader.document()
    }
}

/// Walks through libyaml's events once.
private final class YAMLReader {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let limits: YAMLLimits
    private var anchors: [String: YAMLNode] = [:]
    private var nodeCount = 0

    init(_ text: [UInt8], limits: YAMLLimits) throws(YAMLError) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAMLError(code: .limitExceeded, line: 0, message: "no memory for a parser")
        }
        self.parser = parser
        // The parser reads while events are taken, so the text has to stay where it is.
        input = .allocate(capacity: text.count)
        _ = input.initialize(from: text)
        self.limits = limits
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    func document() throws(YAMLError) -> YAMLNode? {
        var result: YAMLNode?
        while true {
            let event = try nextEvent()
            switch event.kind {
            case .streamEnd: return result
            case .documentStart:
                if result != nil {
                    throw YAMLError(code: .moreThanOneDocument, line: event.line, message: "a second document begins")
                }
                result = try node(try nextEvent(), depth: 1)
            default: continue
            }
        }
    }

    private func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        guard depth <= limits.maximumDepth else {
            throw YAMLError(
                code: .limitExceeded, line: event.line, message: "more than \(limits.maximumDepth) levels")
        }
        try count(1, at: event.line)
        let node: YAMLNode
        switch event.kind {
        case .scalar(let text, let isQuoted): node = YAMLNode(.scalar(text), line: event.line, isQuoted: isQuoted)
        case .sequenceStart: node = YAMLNode(.sequence(try elements(depth: depth)), line: event.line)
        case .mappingStart: node = YAMLNode(.mapping(try members(depth: depth)), line: event.line)
        case .alias(let name):
            guard let known = anchors[name] else {
                throw YAMLError(code: .unknownAlias, line: event.line, message: "nothing is anchored as &\(name)")
            }
            guard depth + known.depth - 1 <= limits.maximumDepth else {
                throw YAMLError(
                    code: .limitExceeded, line: event.line, message: "more than \(limits.maximumDepth) levels")
            }
            try count(known.size - 1, at: event.line)
            return known
        default: throw YAMLError(code: .syntax, line: event.line, message: "a value is missing")
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private func elements(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try nextEvent()
            if case .sequenceEnd = event.kind { return elements }
            elements.append(try node(event, depth: depth + 1))
        }
    }

    private func members(depth: Int) throws(YAMLError) -> [YAMLMember] {
        var members: [YAMLMember] = []
        var lines: [String: Int] = [:]
        while true {
            let event = try nextEvent()
            if case .mappingEnd = event.kind { return members }
            guard case .scalar(let key) = try node(event, depth: depth + 1).content else {
                throw YAMLError(code: .keyIsNoScalar, line: event.line, message: "a key has to be a plain text")
            }
            if let first = lines.updateValue(event.line, forKey: key) {
                throw YAMLError(
                    code: .duplicateKey, line: event.line,
                    message: "the key \(key) is given twice, first on line \(first)")
            }
            members.append(YAMLMember(key: key, line: event.line, value: try node(try nextEvent(), depth: depth + 1)))
        }
    }

    private func count(_ nodes: Int, at line: Int) throws(YAMLError) {
        nodeCount += nodes
        if nodeCount > limits.maximumNodes {
            throw YAMLError(code: .limitExceeded, line: line, message: "more than \(limits.maximumNodes) values")
        }
    }

    private func nextEvent() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
            let isReading = parser.pointee.error == YAML_READER_ERROR
            // The reader knows an offset only; the others know the line.
            let line =
                isReading
                ? 1 + input.prefix(Int(parser.pointee.problem_offset)).count { $0 == UInt8(ascii: "\n") }
                : Int(parser.pointee.problem_mark.line) + 1
            throw YAMLError(code: .syntax, line: line, message: problem)
        }
        defer { yaml_event_delete(&event) }
        return Event(event)
    }
}

/// What libyaml says, copied out of its memory.
private struct Event {
    enum Kind {
        case streamEnd, documentStart, sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case scalar(String, isQuoted: Bool)
        case alias(String)
        case other
    }

    let kind: Kind
    let line: Int
    let anchor: String?

    init(_ event: yaml_event_t) {
        line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            kind = .scalar(String(decoding: bytes, as: UTF8.self), isQuoted: scalar.style != YAML_PLAIN_SCALAR_STYLE)
            anchor = Self.text(scalar.anchor)
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            anchor = Self.text(event.data.sequence_start.anchor)
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            anchor = Self.text(event.data.mapping_start.anchor)
        case YAML_ALIAS_EVENT:
            kind = .alias(Self.text(event.data.alias.anchor) ?? "")
            anchor = nil
        default:
            kind =
                switch event.type {
                case YAML_STREAM_END_EVENT: .streamEnd
                case YAML_DOCUMENT_START_EVENT: .documentStart
                case YAML_SEQUENCE_END_EVENT: .sequenceEnd
                case YAML_MAPPING_END_EVENT: .mappingEnd
                default: .other
                }
            anchor = nil
        }
    }

    private static func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        bytes.map { String(cString: $0) }
    }
}

extension YAMLNode {
    /// Values in it, itself included.
    fileprivate var size: Int {
        switch content {
        case .scalar: 1
        case .sequence(let elements): elements.reduce(1) { $0 + $1.size }
        case .mapping(let members): members.reduce(1) { $0 + 1 + $1.value.size }
        }
    }

    /// Levels in it, its own included.
    fileprivate var depth: Int {
        switch content {
        case .scalar: 1
        case .sequence(let elements): 1 + (elements.map(\.depth).max() ?? 0)
        case .mapping(let members): 1 + (members.map(\.value.depth).max() ?? 0)
        }
    }
}

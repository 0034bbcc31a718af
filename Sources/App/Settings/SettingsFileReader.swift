internal import YAML

/// Walks through a settings file: nested keys for settings, a list for destinations.
struct SettingsFileReader {
    private let file: String
    private let readFile: (String) throws -> [UInt8]
    private(set) var values: [GivenValue] = []
    private(set) var destinations: [DestinationSettings] = []
    private(set) var problems: [SettingsError.Problem] = []

    init(file: String, readFile: @escaping (String) throws -> [UInt8]) {
        self.file = file
        self.readFile = readFile
    }

    mutating func read() {
        let bytes: [UInt8]
        do {
            bytes = try readFile(file)
        } catch {
            problems.append(.init(code: .unreadableFile, place: file, message: "cannot be read: \(error)"))
            return
        }
        do throws(YAMLError) {
            guard let root = try YAMLDocument.parse(bytes), !root.isNull else { return }
            guard case .mapping(let members) = root.content else {
                problems.append(
                    .init(
                        code: .syntax, place: place(root.line),
                        message: "a settings file consists of `key: value` lines"))
                return
            }
            for member in members { add(member, in: nil) }
        } catch {
            problems.append(
                .init(
                    code: error.code == .duplicateKey ? .duplicate : .syntax,
                    place: error.line > 0 ? place(error.line) : file, message: error.message))
        }
    }

    private func place(_ line: Int) -> String { "\(file):\(line)" }

    private static let groupNames = Set(SettingsSchema.settings.compactMap(\.name.group))

    private mutating func add(_ member: YAMLMember, in group: String?) {
        let name = group.map { "\($0).\(member.key)" } ?? member.key
        if group == nil, name == "destinations" {
            addDestinations(member.value)
        } else if group == nil, Self.groupNames.contains(name) {
            guard !member.value.isNull else { return }
            guard case .mapping(let members) = member.value.content else {
                problems.append(
                    .init(
                        code: .syntax, place: place(member.line),
                        message: "\(name) is a group: its settings stand below it"))
                return
            }
            for inner in members { add(inner, in: name) }
        } else if let setting = SettingsSchema.setting(name), group == setting.name.group {
            addValue(of: setting, member)
        } else if group == nil, let setting = SettingsSchema.setting(name), let owner = setting.name.group {
            problems.append(
                .init(
                    code: .unknownName, place: place(member.line),
                    message: "\(name) is written as nested keys: \(owner): on one line, the rest below it"))
        } else {
            let known =
                SettingsSchema.settings.map(\.name.text)
                + (group == nil ? Self.groupNames.sorted() + ["destinations"] : [])
            problems.append(.unknown(name, at: place(member.line), known: known))
        }
    }

    private mutating func addValue(of setting: Setting, _ member: YAMLMember) {
        let place = place(member.line)
        switch member.value.content {
        case .scalar(let text):
            if member.value.isNull {
                problems.append(.init(code: .missingValue, place: place, message: "\(setting.name) has no value"))
            } else {
                values.append(GivenValue(setting: setting, text: text, place: place))
            }
        case .sequence(let elements) where setting.isList:
            let texts = elements.compactMap { element -> String? in
                if case .scalar(let text) = element.content, !element.isNull { return text }
                return nil
            }
            guard texts.count == elements.count else { fallthrough }
            values.append(GivenValue(setting: setting, text: texts.joined(separator: ","), place: place))
        case .sequence, .mapping:
            problems.append(
                .init(
                    code: .badValue, place: place, message: "\(setting.name) takes one value: \(setting.allowedInWords)"
                ))
        }
    }

    private mutating func addDestinations(_ node: YAMLNode) {
        if node.isNull { return }
        guard case .sequence(let elements) = node.content else {
            problems.append(.init(code: .syntax, place: place(node.line), message: "destinations is a list"))
            return
        }
        for element in elements {
            var reader = DestinationReader(file: file, readFile: readFile)
            if let destination = reader.read(element) { destinations.append(destination) }
            problems += reader.problems
        }
    }
}

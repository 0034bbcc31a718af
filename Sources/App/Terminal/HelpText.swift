/// Writes the help of a command in the layout of swift-argument-parser.
struct HelpText {
    /// The column at which descriptions begin.
    private static let indent = 26
    let command: Command
    let path: [String]
    /// In columns; lines are broken at blanks.
    let width: Int

    var text: String {
        if let help = command.rawHelp { return help() }
        var blocks = ["OVERVIEW: " + command.abstract]
        if !command.discussion.isEmpty { blocks.append(wrapped(command.discussion, at: 0)) }
        blocks.append("USAGE: " + usage)
        if !command.arguments.isEmpty {
            blocks.append(list("ARGUMENTS:", command.arguments.map { ("<\($0.name)>", $0.help) }))
        }
        let help = [("-h, --help", "Show help information.")]
        let own = command.options.filter { $0.section == nil }.map(Self.entry)
        blocks.append(list("OPTIONS:", own + (path.count == 1 ? [("--version", "Show the version.")] : []) + help))
        var sections: [String] = []
        for case let section? in command.options.map(\.section) where !sections.contains(section) {
            sections.append(section)
        }
        for section in sections {
            blocks.append(
                list(section.uppercased() + ":", command.options.filter { $0.section == section }.map(Self.entry)))
        }
        if !command.subcommands.isEmpty {
            blocks.append(list("SUBCOMMANDS:", command.subcommands.map { ($0.commandName, $0.abstract) }))
            let name = (["\(path[0]) help"] + path.dropFirst()).joined(separator: " ")
            blocks.append("  See '\(name) <subcommand>' for detailed help.")
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }

    /// The one line that shows how to call the command.
    var usage: String {
        var words = [path.joined(separator: " ")]
        if command.rawHelp != nil { return (words + ["[<options>]"]).joined(separator: " ") }
        if command.action == nil { return (words + ["<subcommand>"]).joined(separator: " ") }
        for case let option in command.options where option.isRequired {
            words.append("--\(option.name) \(Self.valueName(option))")
        }
        if command.options.contains(where: { !$0.isRequired }) { words.append("[<options>]") }
        for argument in command.arguments {
            let name = "<\(argument.name)>" + (argument.isRepeating ? " ..." : "")
            words.append(argument.isRequired ? name : "[\(name)]")
        }
        return words.joined(separator: " ")
    }

    private static func valueName(_ parameter: Parameter) -> String {
        if case .option(let name, _, _) = parameter.kind { "<\(name)>" } else { "" }
    }

    private static func entry(_ parameter: Parameter) -> (String, String) {
        var label = parameter.short.map { "-\($0), " } ?? ""
        label += "--\(parameter.name)"
        if parameter.takesValue { label += " " + valueName(parameter) }
        var notes: [String] = []
        if case .values(let values) = parameter.completion { notes.append("values: " + values.joined(separator: ", ")) }
        if let value = parameter.defaultValue { notes.append("default: \(value)") }
        if parameter.isRepeating { notes.append("may be repeated") }
        return (label, parameter.help + (notes.isEmpty ? "" : " (" + notes.joined(separator: "; ") + ")"))
    }

    private func list(_ title: String, _ entries: [(String, String)]) -> String {
        var lines = [title]
        for (label, text) in entries {
            let broken = wrapped(text, at: Self.indent)
            if label.count + 4 <= Self.indent {
                lines.append("  " + label.padded(to: Self.indent - 2) + broken.dropFirst(Self.indent))
            } else {
                lines += ["  " + label, broken]
            }
        }
        return lines.joined(separator: "\n")
    }

    /// Paragraphs broken at blanks, every line indented. Lines that begin with a blank stand as they are.
    private func wrapped(_ text: String, at indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if paragraph.isEmpty || paragraph.first == " " {
                lines.append(paragraph.isEmpty ? "" : margin + paragraph)
                continue
            }
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, indent + line.count + 1 + word.count > width {
                    lines.append(margin + line)
                    line = ""
                }
                line += (line.isEmpty ? "" : " ") + word
            }
            lines.append(margin + line)
        }
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// The text with blanks behind it up to `width` columns.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - displayWidth))
    }
}

/// Turns words of a command line into a call: pure, so that its rules are a table of tests.
struct CommandParser {
    /// What the words ask for.
    enum Request {
        case run(Command, path: [String], values: [String: [String]], rawArguments: [String])
        case help(Command, path: [String])
        case version
    }

    /// A fault in the words, and the command whose usage explains it.
    struct Fault: Error {
        let message: String
        let command: Command
        let path: [String]
    }

    let root: Command

    func parse(_ words: [String]) throws(Fault) -> Request {
        var command = root
        var path = [root.commandName]
        var rest = words[...]
        while command.action == nil {
            guard let word = rest.popFirst() else { return .help(command, path: path) }
            if word == "--help" || word == "-h" { return .help(command, path: path) }
            if word == "--version", path.count == 1 { return .version }
            if word == "help", path.count == 1 { return try help(rest) }
            guard let next = command.subcommands.first(where: { $0.commandName == word }) else {
                let kind = word.hasPrefix("-") ? "option" : "command"
                let names = word.hasPrefix("-") ? ["--help"] : command.subcommands.map(\.commandName)
                throw Fault(message: Self.unknown(kind, word, among: names), command: command, path: path)
            }
            command = next
            path.append(next.commandName)
        }
        if command.rawHelp != nil {
            if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
                return .help(command, path: path)
            }
            return .run(command, path: path, values: [:], rawArguments: Array(rest))
        }
        return try Leaf(command: command, path: path).parse(rest)
    }

    /// `help stream list` is `stream list --help`.
    private func help(_ words: ArraySlice<String>) throws(Fault) -> Request {
        var command = root
        var path = [root.commandName]
        for word in words {
            guard let next = command.subcommands.first(where: { $0.commandName == word }) else {
                let names = command.subcommands.map(\.commandName)
                throw Fault(message: Self.unknown("command", word, among: names), command: command, path: path)
            }
            command = next
            path.append(word)
        }
        return .help(command, path: path)
    }

    static func unknown(_ kind: String, _ word: String, among names: [String]) -> String {
        let suggestion = nearestName(to: word, among: names).map { " Did you mean '\($0)'?" } ?? ""
        return "Unknown \(kind) '\(word)'.\(suggestion)"
    }
}

/// Reads the options and arguments of one command.
private struct Leaf {
    let command: Command
    let path: [String]
    private var values: [String: [String]] = [:]
    private var positional: [String] = []

    init(command: Command, path: [String]) {
        self.command = command
        self.path = path
    }

    private func fault(_ message: String) -> CommandParser.Fault {
        CommandParser.Fault(message: message, command: command, path: path)
    }

    consuming func parse(_ words: ArraySlice<String>) throws(CommandParser.Fault) -> CommandParser.Request {
        var leaf = self
        var rest = words
        while let word = rest.popFirst() {
            if word == "--" {
                leaf.positional += rest
                break
            }
            if word == "--help" || word == "-h" { return .help(leaf.command, path: leaf.path) }
            if word.hasPrefix("--") {
                try leaf.readLong(word.dropFirst(2), &rest)
            } else if word.hasPrefix("-"), word != "-", Int(word) == nil {
                try leaf.readShort(word.dropFirst(), &rest)
            } else {
                leaf.positional.append(word)
            }
        }
        try leaf.placeArguments()
        try leaf.checkAndFillIn()
        return .run(leaf.command, path: leaf.path, values: leaf.values, rawArguments: [])
    }

    private mutating func readLong(_ word: Substring, _ rest: inout ArraySlice<String>) throws(CommandParser.Fault) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let parameter = command.options.first(where: { $0.name == name }) else {
            let names = command.options.map { "--" + $0.name } + ["--help"]
            throw fault(CommandParser.unknown("option", "--" + name, among: names))
        }
        if parameter.takesValue {
            try store(parameter, parts.count == 2 ? String(parts[1]) : value(of: "--" + name, &rest))
        } else if parts.count == 2 {
            throw fault("The option '--\(name)' takes no value.")
        } else {
            values[name] = [""]
        }
    }

    private mutating func readShort(_ word: Substring, _ rest: inout ArraySlice<String>) throws(CommandParser.Fault) {
        var letters = word
        while let letter = letters.popFirst() {
            guard let parameter = command.options.first(where: { $0.short == letter }) else {
                throw fault("Unknown option '-\(letter)'.")
            }
            guard parameter.takesValue else {
                values[parameter.name] = [""]
                continue
            }
            if letters.first == "=" { letters = letters.dropFirst() }
            return try store(parameter, letters.isEmpty ? value(of: "-\(letter)", &rest) : String(letters))
        }
    }

    private func value(of option: String, _ rest: inout ArraySlice<String>) throws(CommandParser.Fault) -> String {
        // A dash alone is standard input, a number may be negative; other dashes are a forgotten value.
        guard let next = rest.first, !next.hasPrefix("-") || next == "-" || Int(next) != nil else {
            throw fault("Missing value for '\(option)'.")
        }
        rest = rest.dropFirst()
        return next
    }

    private mutating func store(_ parameter: Parameter, _ value: String) throws(CommandParser.Fault) {
        if case .values(let allowed) = parameter.completion, !allowed.contains(value) {
            let suggestion = nearestName(to: value, among: allowed).map { " Did you mean '\($0)'?" } ?? ""
            let names = allowed.joined(separator: ", ")
            throw fault("The value '\(value)' of '\(parameter.name)' is none of \(names).\(suggestion)")
        }
        if !parameter.isRepeating, values[parameter.name] != nil {
            throw fault("'\(parameter.name)' is given more than once.")
        }
        values[parameter.name, default: []].append(value)
    }

    private mutating func placeArguments() throws(CommandParser.Fault) {
        var rest = positional[...]
        for argument in command.arguments {
            if argument.isRepeating {
                while let value = rest.popFirst() { try store(argument, value) }
            } else if let value = rest.popFirst() {
                try store(argument, value)
            }
        }
        if let extra = rest.first { throw fault("Unexpected argument '\(extra)'.") }
    }

    private mutating func checkAndFillIn() throws(CommandParser.Fault) {
        for parameter in command.parameters where values[parameter.name] == nil {
            if parameter.isRequired {
                throw fault(
                    "Missing \(parameter.isArgument ? "argument '<\(parameter.name)>'" : "option '--\(parameter.name)'")."
                )
            }
            if let value = parameter.defaultValue { values[parameter.name] = [value] }
        }
    }
}

/// The name that a mistyped word most likely meant; nil when none is near: more than a third of its letters differ.
package func nearestName(to word: String, among names: [String]) -> String? {
    let scored = names.map { (name: $0, distance: editDistance(Array(word), Array($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, max(word.count, best.name.count) / 3) ? best.name : nil
}

/// How many insertions, deletions, replacements and swaps of neighbours turn one text into the other.
private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in 0..<left.count {
        var current = [row + 1]
        for column in 0..<right.count {
            var cost = min(
                previous[column + 1] + 1, current[column] + 1, previous[column] + (left[row] == right[column] ? 0 : 1))
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                cost = min(cost, beforePrevious[column - 1] + 1)
            }
            current.append(cost)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[right.count]
}

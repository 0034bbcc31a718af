/// The tree of all commands and how it is run.
package struct Program: Sendable {
    package let name: String
    package let abstract: String
    package let discussion: String
    /// Printed by `--version`.
    package let version: String
    package let commands: [Command]

    /// - Parameter commands: shown in this order; `completions` is added behind them.
    package init(name: String, abstract: String, discussion: String = "", version: String, commands: [Command]) {
        self.name = name
        self.abstract = abstract
        self.discussion = discussion
        self.version = version
        self.commands = commands
    }

    package var root: Command {
        let tree = Command(name, abstract: abstract, discussion: discussion, subcommands: commands)
        return Command(
            name, abstract: abstract, discussion: discussion, subcommands: commands + [Completions.command(for: tree)])
    }

    /// Runs the command that `words` (without the program's own name) ask for, and says how the process shall end.
    ///
    /// Errors are written to the console's error stream; a closed output is no error.
    package func run(_ words: [String], on console: Console) async -> ExitCode {
        do {
            return try await obey(words, on: console)
        } catch {
            return .success
        }
    }

    private func obey(_ words: [String], on console: Console) async throws(OutputClosed) -> ExitCode {
        do {
            switch try CommandParser(root: root).parse(words) {
            case .version:
                try await console.print("\(name) \(version)")
            case .help(let command, let path):
                let width = min(max(console.width, 60), 100)
                try await console.write(HelpText(command: command, path: path, width: width).text)
            case .run(let command, let path, let values, let rawArguments):
                let call = CommandCall(path: path, console: console, values: values, rawArguments: rawArguments)
                try await command.action?(call)
            }
            try await console.output.flush()
            return .success
        } catch let fault as CommandParser.Fault {
            let path = fault.path.joined(separator: " ")
            let usage = HelpText(command: fault.command, path: fault.path, width: 80).usage
            let error = CommandError.usage(fault.message, hint: "See '\(path) --help'.")
            return await report(error, usage: usage, words, on: console)
        } catch let closed as OutputClosed {
            throw closed
        } catch let error as CommandError {
            try? await console.output.flush()
            return await report(error, usage: nil, words, on: console)
        } catch {
            try? await console.output.flush()
            return await report(CommandError("\(error)"), usage: nil, words, on: console)
        }
    }

    private func report(
        _ error: CommandError, usage: String?, _ words: [String], on console: Console
    ) async -> ExitCode {
        var text: String
        if Self.wantsJSON(words) {
            var members: [(String, JSONOutput)] = [("message", .string(error.message))]
            if let code = error.code { members.insert(("code", .string(code)), at: 0) }
            if let status = error.status { members.append(("status", .integer(status))) }
            if let hint = error.hint { members.append(("hint", .string(hint))) }
            text = JSONOutput.object([("error", .object(members))]).text + "\n"
        } else {
            text = "Error: \(error)\n"
            if let usage { text += "Usage: \(usage)\n" }
            if let hint = error.hint { text += usage == nil ? "Hint: \(hint)\n" : "  \(hint)\n" }
        }
        // Nobody left to tell: the exit code still says it.
        try? await console.errors.write(Array(text.utf8))
        try? await console.errors.flush()
        return error.exitCode
    }

    /// Looks at the bare words, because they may be what is wrong.
    private static func wantsJSON(_ words: [String]) -> Bool {
        words.contains("--output=json") || words.contains("-ojson")
            || zip(words, words.dropFirst()).contains { ($0 == "--output" || $0 == "-o") && $1 == "json" }
    }
}

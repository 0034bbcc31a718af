/// Shell completions written from the table of commands.
package enum Completions {
    package enum Shell: String, CaseIterable, Sendable {
        case bash, zsh, fish
    }

    /// The script for `shell`, to be sourced or put where the shell looks for completions.
    package static func script(for shell: Shell, root: Command) -> String {
        switch shell {
        case .bash: bash(root)
        case .zsh: zsh(root)
        case .fish: fish(root)
        }
    }

    /// `completions SHELL` for the tree below `root`.
    static func command(for root: Command) -> Command {
        let shells = Shell.allCases.map(\.rawValue)
        let argument = Parameter.argument("shell", help: "bash, zsh or fish.", completion: .values(shells))
        let name = root.commandName
        return Command(
            "completions", abstract: "Print a shell's completion script.",
            discussion: """
                bash: source <(\(name) completions bash)
                zsh:  \(name) completions zsh > "${fpath[1]}/_\(name)"
                fish: \(name) completions fish > ~/.config/fish/completions/\(name).fish
                """,
            parameters: [argument]
        ) { call in
            let own = Command("completions", abstract: "Print a shell's completion script.", parameters: [argument]) {
                _ in
            }
            let tree = Command(root.commandName, abstract: root.abstract, subcommands: root.subcommands + [own])
            guard let shell = Shell(rawValue: try call.required("shell")) else { return }
            try await call.console.write(script(for: shell, root: tree))
        }
    }

    /// Every command below and with `command`, each with the words that lead to it.
    private static func all(_ command: Command, _ path: [String]) -> [(path: [String], command: Command)] {
        [(path, command)] + command.subcommands.flatMap { all($0, path + [$0.commandName]) }
    }

    /// `sluice stream`, or the like, as text inside a case pattern.
    private static func key(_ path: [String]) -> String { path.joined(separator: " ") }

    private static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func names(_ parameter: Parameter) -> [String] {
        ["--" + parameter.name] + (parameter.short.map { ["-\($0)"] } ?? [])
    }

    // MARK: bash

    private static func bash(_ root: Command) -> String {
        let name = root.commandName
        let commands = all(root, [name])
        var steps: [String] = []
        var values: [String] = []
        var words: [String] = []
        for (path, command) in commands {
            if path.count > 1 { steps.append("            \(quoted(key(path)))) path=\(quoted(key(path))) ;;") }
            for option in command.options where option.takesValue {
                let patterns = names(option).map { quoted(key(path) + " " + $0) }.joined(separator: "|")
                values.append("        \(patterns)) \(bashValues(option.completion)); return ;;")
            }
            var offered = command.subcommands.map(\.commandName) + command.options.map { "--" + $0.name } + ["--help"]
            var files = ""
            for argument in command.arguments {
                switch argument.completion {
                case .values(let list): offered += list
                case .file, .directory: files = "; COMPREPLY+=($(compgen -f -- \"$cur\"))"
                case .none: break
                }
            }
            let list = quoted(offered.joined(separator: " "))
            words.append("        \(quoted(key(path)))) COMPREPLY=($(compgen -W \(list) -- \"$cur\"))\(files) ;;")
        }
        return """
            # bash completion for \(name)
            _\(name)() {
                local cur="${COMP_WORDS[COMP_CWORD]}" prev="" path=\(quoted(name)) i
                (( COMP_CWORD > 0 )) && prev="${COMP_WORDS[COMP_CWORD-1]}"
                for (( i = 1; i < COMP_CWORD; i++ )); do
                    case "$path ${COMP_WORDS[i]}" in
            \(steps.joined(separator: "\n"))
                    esac
                done
                COMPREPLY=()
                case "$path $prev" in
            \(values.joined(separator: "\n"))
                esac
                case "$path" in
            \(words.joined(separator: "\n"))
                esac
            }
            complete -o filenames -F _\(name) \(name)

            """
    }

    private static func bashValues(_ completion: Parameter.Completion) -> String {
        switch completion {
        case .none: ":"
        case .values(let list): "COMPREPLY=($(compgen -W \(quoted(list.joined(separator: " "))) -- \"$cur\"))"
        case .file: "COMPREPLY=($(compgen -f -- \"$cur\"))"
        case .directory: "COMPREPLY=($(compgen -d -- \"$cur\"))"
        }
    }

    // MARK: zsh

    private static func zsh(_ root: Command) -> String {
        let name = root.commandName
        var steps: [String] = []
        var values: [String] = []
        var words: [String] = []
        for (path, command) in all(root, [name]) {
            if path.count > 1 { steps.append("            \(quoted(key(path)))) cmd=\(quoted(key(path))) ;;") }
            for option in command.options where option.takesValue {
                let patterns = names(option).map { quoted(key(path) + " " + $0) }.joined(separator: "|")
                values.append("        \(patterns)) \(zshValues(option.completion)); return ;;")
            }
            var offered = command.subcommands.map { zshItem($0.commandName, $0.abstract) }
            offered += command.options.map { zshItem("--" + $0.name, $0.help) }
            offered.append(zshItem("--help", "Show help information."))
            var files = ""
            for argument in command.arguments {
                switch argument.completion {
                case .values(let list): offered += list.map { quoted($0) }
                case .file, .directory: files = "; _files"
                case .none: break
                }
            }
            words.append(
                "        \(quoted(key(path)))) items=(\(offered.joined(separator: " "))); _describe \(quoted(name)) items\(files) ;;"
            )
        }
        return """
            #compdef \(name)
            _\(name)() {
                local cmd=\(quoted(name)) i
                local -a items
                for (( i = 2; i < CURRENT; i++ )); do
                    case "$cmd ${words[i]}" in
            \(steps.joined(separator: "\n"))
                    esac
                done
                case "$cmd ${words[CURRENT-1]}" in
            \(values.joined(separator: "\n"))
                esac
                case "$cmd" in
            \(words.joined(separator: "\n"))
                esac
            }
            if [ "$funcstack[1]" = "_\(name)" ]; then
                _\(name) "$@"
            else
                compdef _\(name) \(name)
            fi

            """
    }

    private static func zshItem(_ word: String, _ help: String) -> String {
        quoted(word + ":" + help.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:"))
    }

    private static func zshValues(_ completion: Parameter.Completion) -> String {
        switch completion {
        case .none: ":"
        case .values(let list): "compadd -- \(list.map(quoted).joined(separator: " "))"
        case .file: "_files"
        case .directory: "_files -/"
        }
    }

    // MARK: fish

    private static func fish(_ root: Command) -> String {
        let name = root.commandName
        let commands = all(root, [name])
        var lines = [
            "# fish completion for \(name)",
            "function __\(name)_at",
            "    set -l path \(quoted(name))",
            "    for word in (commandline -opc)[2..-1]",
            "        if contains -- \"$path $word\" \(commands.dropFirst().map { quoted(key($0.path)) }.joined(separator: " "))",
            "            set path \"$path $word\"",
            "        end",
            "    end",
            "    test \"$path\" = \"$argv\"",
            "end",
            "complete -c \(name) -f",
        ]
        for (path, command) in commands {
            let at = "complete -c \(name) -n \(quoted("__\(name)_at \(key(path))"))"
            for next in command.subcommands {
                lines.append("\(at) -a \(quoted(next.commandName)) -d \(quoted(next.abstract))")
            }
            for option in command.options {
                var line = "\(at) -l \(quoted(option.name))"
                if let short = option.short { line += " -s \(short)" }
                switch (option.takesValue, option.completion) {
                case (false, _): break
                case (_, .none): line += " -x"
                case (_, .values(let list)): line += " -x -a \(quoted(list.joined(separator: " ")))"
                case (_, .file): line += " -r -F"
                case (_, .directory): line += " -x -a '(__fish_complete_directories)'"
                }
                lines.append("\(line) -d \(quoted(option.help))")
            }
            for argument in command.arguments {
                switch argument.completion {
                case .values(let list): lines.append("\(at) -a \(quoted(list.joined(separator: " ")))")
                case .file, .directory: lines.append("\(at) -F")
                case .none: break
                }
            }
            lines.append("\(at) -l help -s h -d 'Show help information.'")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

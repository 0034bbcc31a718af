import SluiceCore
import Terminal
import Testing

private func run(_ line: String, _ test: TestConsole = TestConsole()) async -> (ExitCode, String, String) {
    let code = await fixture.run(line.split(separator: " ").map(String.init), on: test.console)
    return (code, test.output.text, test.errors.text)
}

@Suite struct ProgramTests {
    @Test(arguments: [
        ("gate open north", "north|-|2||-|false|false"),
        ("gate open north ice", "north|ice|2||-|false|false"),
        ("gate open --width 5 north --tag a=1 --tag=b=2", "north|-|5|a=1+b=2|-|false|false"),
        ("gate open -w5 north -sq", "north|-|5||-|true|true"),
        ("gate open -w=5 north -q --colour green", "north|-|5||green|false|true"),
        ("gate open -sw 7 north", "north|-|7||-|true|false"),
        ("gate open --width -3 north", "north|-|-3||-|false|false"),
        ("gate open --width= north", "north|-|||-|false|false"),
        ("gate open -- --north -x", "--north|-x|2||-|false|false"),
        ("gate open - -1", "-|-1|2||-|false|false"),
        ("gate list", ""),
        ("gate list a b c", "a|b|c"),
        ("serve --port 1 x -- --help", "--port|1|x|--|--help"),
        ("serve", ""),
        ("--version", "gate 1.2.3"),
    ])
    func accepts(line: String, output: String) async {
        let (code, text, errors) = await run(line)
        #expect(code == .success)
        #expect(text == output + "\n")
        #expect(errors.isEmpty)
    }

    @Test(arguments: [
        ("gaet", "Unknown command 'gaet'. Did you mean 'gate'?"),
        ("xyzzy", "Unknown command 'xyzzy'."),
        ("gate opne x", "Unknown command 'opne'. Did you mean 'open'?"),
        ("--verbose", "Unknown option '--verbose'."),
        ("gate open", "Missing argument '<gate>'."),
        ("gate open a b c", "Unexpected argument 'c'."),
        ("gate open a --widht 3", "Unknown option '--widht'. Did you mean '--width'?"),
        ("gate open a -x", "Unknown option '-x'."),
        ("gate open a --width", "Missing value for '--width'."),
        ("gate open a --width --slowly", "Missing value for '--width'."),
        ("gate open a --width 1 --width 2", "'width' is given more than once."),
        ("gate open a --slowly=yes", "The option '--slowly' takes no value."),
        ("gate open a --colour gren", "The value 'gren' of 'colour' is none of red, green. Did you mean 'green'?"),
        ("help gate opne", "Unknown command 'opne'. Did you mean 'open'?"),
        ("completions tcsh", "The value 'tcsh' of 'shell' is none of bash, zsh, fish."),
    ])
    func refuses(line: String, message: String) async {
        let (code, text, errors) = await run(line)
        #expect(code == .usage)
        #expect(text.isEmpty)
        #expect(errors.hasPrefix("Error: \(message)\nUsage: gate"), "\(errors)")
        #expect(errors.contains("--help'."))
    }

    @Test func errorsForPeople() async {
        let (code, _, errors) = await run("gate break")
        #expect(code == .noPermission)
        #expect(errors == "Error: DIS.4116: Invalid RBAC. [\"x\"]\nHint: Ask.\n")
    }

    @Test(arguments: ["gate break --output json", "gate break -o json", "gate break --output=json"])
    func errorsForPrograms(line: String) async {
        let (code, _, errors) = await run(line)
        #expect(code == .noPermission)
        #expect(
            errors
                == #"{"error":{"code":"DIS.4116","message":"Invalid RBAC. [\"x\"]","status":403,"hint":"Ask."}}"# + "\n"
        )
        let usage = await run("gate opne --output json")
        #expect(usage.2.hasPrefix(#"{"error":{"message":"Unknown command 'opne'."#))
    }

    @Test func aReaderThatWentAwayIsNoError() async {
        let (code, _, errors) = await run("gate open north", TestConsole(closesAfter: 3))
        #expect(code == .success)
        #expect(errors.isEmpty)
    }

    @Test(arguments: [("opne", "open"), ("pen", "open"), ("--endpiont", "--endpoint"), ("zzzz", nil), ("", nil)])
    func nearest(word: String, name: String?) {
        #expect(nearestName(to: word, among: ["open", "list", "--endpoint"]) == name)
    }
}

@Suite struct HelpTests {
    @Test(arguments: ["gate open --help", "help gate open", "gate open north -h"])
    func ofACommand(line: String) async {
        let (code, text, _) = await run(line)
        #expect(code == .success)
        #expect(
            text == """
                OVERVIEW: Open a gate.

                Water flows as soon as the answer has come.

                  gate gate open north

                USAGE: gate gate open [<options>] <gate> [<reason>]

                ARGUMENTS:
                  <gate>                  Its name.
                  <reason>                Why.

                OPTIONS:
                  -w, --width <metres>    How far. (default: 2)
                  --tag <key=value>       A tag. (may be repeated)
                  --colour <colour>       Its colour. (values: red, green)
                  -s, --slowly            Take time for it, because haste has been seen to break
                                          hinges.
                  -q, --quietly           Say nothing.
                  -o, --output <format>   Write for people (text) or for programs (json).
                                          (values: text, json; default: text)
                  -h, --help              Show help information.

                CONNECTION OPTIONS:
                  --endpoint <url>        Where.

                """)
    }

    @Test(arguments: ["", "--help", "-h", "help"])
    func ofTheProgram(line: String) async {
        let (code, text, _) = await run(line)
        #expect(code == .success)
        #expect(
            text == """
                OVERVIEW: Open and close gates.

                USAGE: gate <subcommand>

                OPTIONS:
                  --version               Show the version.
                  -h, --help              Show help information.

                SUBCOMMANDS:
                  gate                    Work on gates.
                  serve                   Serve.
                  completions             Print a shell's completion script.

                  See 'gate help <subcommand>' for detailed help.

                """)
    }

    @Test func ofARawCommand() async {
        let (_, text, _) = await run("serve --check --help")
        #expect(text == "serve's own help\n")
    }
}

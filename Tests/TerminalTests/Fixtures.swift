import SluiceCore
import SluiceTesting
import Terminal

/// A console whose streams are kept in memory.
struct TestConsole {
    let output: MemorySink
    let errors = MemorySink()
    let time = ManualTime()
    let console: Console

    init(input: String = "", isTerminal: Bool = false, width: Int = 80, closesAfter: Int? = nil) {
        output = MemorySink(closesAfter: closesAfter)
        console = Console(
            input: MemorySource(input), output: output, errors: errors, outputIsTerminal: isTerminal,
            errorsIsTerminal: isTerminal, width: width, environment: [:], time: time)
    }
}

/// A small tree with every kind of parameter; its commands print what they got.
let fixture = Program(
    name: "gate", abstract: "Open and close gates.", version: "1.2.3",
    commands: [
        Command(
            "gate", abstract: "Work on gates.",
            subcommands: [
                Command(
                    "open", abstract: "Open a gate.",
                    discussion: "Water flows as soon as the answer has come.\n\n  gate gate open north",
                    parameters: [
                        .argument("gate", help: "Its name."),
                        .argument("reason", help: "Why.", isOptional: true),
                        .option("width", short: "w", value: "metres", help: "How far.", default: "2"),
                        .option("tag", value: "key=value", help: "A tag.", isRepeating: true),
                        .option("colour", value: "colour", help: "Its colour.", completion: .values(["red", "green"])),
                        .flag(
                            "slowly", short: "s", help: "Take time for it, because haste has been seen to break hinges."
                        ),
                        .flag("quietly", short: "q", help: "Say nothing."),
                        .option("endpoint", value: "url", help: "Where.", section: "Connection options"),
                        .output,
                    ]
                ) { call in
                    let tags = call.allValues("tag").joined(separator: "+")
                    let facts = [
                        try call.required("gate"), call.value("reason") ?? "-", call.value("width") ?? "-", tags,
                        call.value("colour") ?? "-", "\(call.flag("slowly"))", "\(call.flag("quietly"))",
                    ]
                    try await call.console.print(facts.joined(separator: "|"))
                },
                Command(
                    "list", abstract: "List gates.",
                    parameters: [
                        .argument("file", help: "Files.", isOptional: true, isRepeating: true, completion: .file)
                    ]
                ) { call in
                    try await call.console.print(call.allValues("file").joined(separator: "|"))
                },
                Command("break", abstract: "Fail.", parameters: [.output]) { _ in
                    throw CommandError(
                        exitCode: .noPermission, code: "DIS.4116", status: 403, "Invalid RBAC. [\"x\"]", hint: "Ask.")
                },
            ]),
        Command(
            raw: "serve", abstract: "Serve.", help: { "serve's own help\n" },
            parameters: [.flag("check", help: "Check.")]
        ) { call in
            try await call.console.print(call.rawArguments.joined(separator: "|"))
        },
    ])

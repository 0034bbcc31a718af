/// A command of the program: either a group of subcommands or something that runs.
///
/// The shape follows swift-argument-parser: `commandName`, `abstract` and `discussion` are its configuration,
/// `parameters` its options, flags and arguments, `run` its action.
package struct Command: Sendable {
    /// Runs the command; returns or throws, and the exit code follows from that.
    package typealias Action = @Sendable (CommandCall) async throws -> Void

    /// One lower-case word.
    package let commandName: String
    /// One sentence for lists of commands.
    package let abstract: String
    /// Paragraphs for the command's own help; may be empty.
    package let discussion: String
    package let subcommands: [Command]
    package let parameters: [Parameter]
    /// Nil for a group.
    package let action: Action?
    /// Set for a command that reads its arguments itself, unparsed: what `--help` prints.
    package let rawHelp: (@Sendable () -> String)?

    /// A group of subcommands.
    package init(_ commandName: String, abstract: String, discussion: String = "", subcommands: [Command]) {
        self.commandName = commandName
        self.abstract = abstract
        self.discussion = discussion
        self.subcommands = subcommands
        parameters = []
        action = nil
        rawHelp = nil
    }

    /// A command that runs.
    package init(
        _ commandName: String, abstract: String, discussion: String = "", parameters: [Parameter],
        run action: @escaping Action
    ) {
        self.commandName = commandName
        self.abstract = abstract
        self.discussion = discussion
        subcommands = []
        self.parameters = parameters
        self.action = action
        rawHelp = nil
    }

    /// A command that gets everything after its name in `CommandCall.rawArguments`, for example one whose options
    /// come from a settings schema. `--help` and `-h` print `help`; `parameters` serve shell completions alone.
    package init(
        raw commandName: String, abstract: String, help: @escaping @Sendable () -> String,
        parameters: [Parameter] = [], run action: @escaping Action
    ) {
        self.commandName = commandName
        self.abstract = abstract
        discussion = ""
        subcommands = []
        self.parameters = parameters
        self.action = action
        rawHelp = help
    }

    /// The options and flags, without the positional arguments.
    var options: [Parameter] { parameters.filter { !$0.isArgument } }
    /// The positional arguments, in order.
    var arguments: [Parameter] { parameters.filter(\.isArgument) }
}

/// An option, a flag or an argument of a command.
package struct Parameter: Sendable {
    package enum Kind: Sendable {
        case flag
        case option(valueName: String, isRepeating: Bool, isRequired: Bool)
        /// Taken by position. Only the last may be optional or repeat.
        case argument(isOptional: Bool, isRepeating: Bool)
    }

    /// What a shell offers for the value.
    package enum Completion: Sendable, Equatable {
        case none
        case values([String])
        case file
        case directory
    }

    package let kind: Kind
    /// Without dashes; for arguments the name shown between angle brackets.
    package let name: String
    package let short: Character?
    package let help: String
    package let defaultValue: String?
    package let completion: Completion
    /// The heading it stands under in the help; nil is the command's own.
    package let section: String?

    /// `--name`, with an optional `-n`.
    package static func flag(
        _ name: String, short: Character? = nil, help: String, section: String? = nil
    ) -> Parameter {
        Parameter(
            kind: .flag, name: name, short: short, help: help, defaultValue: nil, completion: .none, section: section)
    }

    /// `--name VALUE` or `--name=VALUE`. With `completion: .values` other values are refused while parsing.
    package static func option(
        _ name: String, short: Character? = nil, value: String, help: String, default defaultValue: String? = nil,
        completion: Completion = .none, isRepeating: Bool = false, isRequired: Bool = false, section: String? = nil
    ) -> Parameter {
        Parameter(
            kind: .option(valueName: value, isRepeating: isRepeating, isRequired: isRequired), name: name, short: short,
            help: help, defaultValue: defaultValue, completion: completion, section: section)
    }

    /// A value taken by its position.
    package static func argument(
        _ name: String, help: String, isOptional: Bool = false, isRepeating: Bool = false,
        completion: Completion = .none
    ) -> Parameter {
        Parameter(
            kind: .argument(isOptional: isOptional, isRepeating: isRepeating), name: name, short: nil, help: help,
            defaultValue: nil, completion: completion, section: nil)
    }

    /// `--output text|json`, the same for every command that answers.
    package static let output = option(
        "output", short: "o", value: "format", help: "Write for people (text) or for programs (json).",
        default: "text", completion: .values(["text", "json"]))

    var isArgument: Bool {
        if case .argument = kind { true } else { false }
    }

    var takesValue: Bool {
        if case .flag = kind { false } else { true }
    }

    var isRequired: Bool {
        switch kind {
        case .flag: false
        case .option(_, _, let isRequired): isRequired
        case .argument(let isOptional, _): !isOptional
        }
    }

    var isRepeating: Bool {
        switch kind {
        case .flag: false
        case .option(_, let isRepeating, _): isRepeating
        case .argument(_, let isRepeating): isRepeating
        }
    }
}

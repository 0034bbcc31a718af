/// A command as it was called: its values, and where it reads and writes.
package struct CommandCall: Sendable {
    /// The names from the program to the command, for example `["sluice", "stream", "list"]`.
    package let path: [String]
    package let console: Console
    /// What followed the name of a command that reads its arguments itself.
    package let rawArguments: [String]
    private let values: [String: [String]]

    package init(
        path: [String], console: Console, values: [String: [String]] = [:], rawArguments: [String] = []
    ) {
        self.path = path
        self.console = console
        self.values = values
        self.rawArguments = rawArguments
    }

    /// Whether the flag was given.
    package func flag(_ name: String) -> Bool {
        values[name] != nil
    }

    /// The last value of the option or argument, its default when it has one, nil otherwise.
    package func value(_ name: String) -> String? {
        values[name]?.last
    }

    /// All values of a repeating option or argument, in order.
    package func allValues(_ name: String) -> [String] {
        values[name] ?? []
    }

    /// The value of a required option or argument. Throws a usage error when it is missing or empty.
    package func required(_ name: String) throws -> String {
        guard let value = value(name), !value.isEmpty else { throw CommandError.usage("'\(name)' must not be empty.") }
        return value
    }

    /// The value as a whole number within `range`; nil when absent. Throws a usage error otherwise.
    package func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let bounds =
                range.upperBound == .max
                ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            throw CommandError.usage("The value '\(text)' of '\(name)' is not a whole number \(bounds).")
        }
        return number
    }

    /// The value as true or false; nil when absent. Throws a usage error otherwise.
    package func boolean(_ name: String) throws -> Bool? {
        switch value(name)?.lowercased() {
        case nil: nil
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        case let text?: throw CommandError.usage("The value '\(text)' of '\(name)' is neither true nor false.")
        }
    }

    /// Whether programs shall read the answer: `--output json`.
    package var isForPrograms: Bool { value("output") == "json" }
}

/// Everything that is wrong with the settings, found in one go.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// No setting has that name; the message names the nearest one.
        case unknownName
        /// The value cannot be read or is out of its range.
        case badValue
        case missingValue
        /// The same setting twice in one place.
        case duplicate
        /// A file cannot be read.
        case unreadableFile
        /// The settings file is no YAML, or not of nested keys.
        case syntax
        /// Two settings that exclude each other, or one that needs another.
        case contradiction
    }

    package struct Problem: Sendable, Equatable, CustomStringConvertible {
        package let code: Code
        /// Where it was found: a flag, a variable, or file and line.
        package let place: String
        package let message: String

        package var description: String { "\(place): \(message)" }
    }

    /// At least one, in the order of flags, environment, file.
    package let problems: [Problem]

    /// One line for each problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// How the process ends (sysexits.h where it has a word for it).
package enum ExitCode: Int32, Sendable {
    case success = 0
    case failure = 1
    /// The command line itself is wrong.
    case usage = 64
    /// The server cannot be reached.
    case unavailable = 69
    /// The server refuses the caller.
    case noPermission = 77
}

/// Why a command failed, for a person to read and for a program to tell apart.
package struct CommandError: Error, Sendable, CustomStringConvertible {
    package let exitCode: ExitCode
    /// The service's own code, for example `DIS.4301`; nil when the error is not the service's.
    package let code: String?
    /// The status of the answer it came with; nil when there was none.
    package let status: Int?
    package let message: String
    /// What to do about it; nil when nobody knows.
    package let hint: String?

    package init(
        exitCode: ExitCode = .failure, code: String? = nil, status: Int? = nil, _ message: String, hint: String? = nil
    ) {
        self.exitCode = exitCode
        self.code = code
        self.status = status
        self.message = message
        self.hint = hint
    }

    package static func usage(_ message: String, hint: String? = nil) -> CommandError {
        CommandError(exitCode: .usage, message, hint: hint)
    }

    package var description: String {
        (code.map { "\($0): " } ?? "") + message
    }
}

/// The reader of the output has gone: nothing is wrong, there is just nothing left to do.
package struct OutputClosed: Error {
    package init() {}
}

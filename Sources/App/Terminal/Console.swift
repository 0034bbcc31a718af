package import SluiceCore

/// Where bytes are written to. Blocking happens on a thread of its own, never on the cooperative pool.
package protocol ByteSink: Sendable {
    /// Takes the bytes, maybe into a bounded buffer. Throws when the reader has gone.
    func write(_ bytes: [UInt8]) async throws(OutputClosed)
    /// Writes out what is buffered.
    func flush() async throws(OutputClosed)
}

/// Where bytes are read from.
package protocol ByteSource: Sendable {
    /// The next bytes, nil at the end. Throws `CommandError` when they cannot be read.
    func read() async throws -> [UInt8]?
}

/// The surroundings of a command: its three streams, the environment and the time.
package struct Console: Sendable {
    package let input: any ByteSource
    /// How many bytes the input has, when it comes from a file.
    package let inputSize: Int?
    /// Whether a person types the input.
    package let inputIsTerminal: Bool
    package let output: any ByteSink
    package let errors: any ByteSink
    package let outputIsTerminal: Bool
    package let errorsIsTerminal: Bool
    /// Columns of the terminal, 80 when there is none.
    package let width: Int
    package let environment: [String: String]
    package let time: any TimeSource

    package init(
        input: any ByteSource, inputSize: Int? = nil, inputIsTerminal: Bool = false, output: any ByteSink,
        errors: any ByteSink,
        outputIsTerminal: Bool,
        errorsIsTerminal: Bool, width: Int, environment: [String: String], time: any TimeSource
    ) {
        self.input = input
        self.inputSize = inputSize
        self.inputIsTerminal = inputIsTerminal
        self.output = output
        self.errors = errors
        self.outputIsTerminal = outputIsTerminal
        self.errorsIsTerminal = errorsIsTerminal
        self.width = width
        self.environment = environment
        self.time = time
    }

    /// Writes the text as it stands.
    package func write(_ text: String) async throws(OutputClosed) {
        try await output.write(Array(text.utf8))
    }

    /// Writes the text and a line feed.
    package func print(_ text: String) async throws(OutputClosed) {
        try await write(text + "\n")
    }

    /// Tells a person something that is not the answer; on the error stream, so that programs do not read it.
    package func note(_ text: String) async {
        // A closed error stream takes nothing from the answer.
        try? await errors.write(Array((text + "\n").utf8))
        try? await errors.flush()
    }

    /// Writes a table; cut to the terminal's width when there is one.
    package func print(_ table: TextTable) async throws(OutputClosed) {
        try await write(table.text(width: outputIsTerminal ? width : nil))
    }
}

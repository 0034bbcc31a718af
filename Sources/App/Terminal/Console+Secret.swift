#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Console {
    /// The most bytes that a secret may have.
    private static var secretBytesMax: Int { 4096 }

    /// Reads a secret from the input: the first line that a person types, unseen, or all that comes from a file or
    /// another program. Blanks and line ends around it do not count.
    ///
    /// Throws a usage error when there is none, or more than one word.
    package func readSecret(prompt: String) async throws -> String {
        let isTyped = inputIsTerminal
        if isTyped {
            try? await errors.write(Array("\(prompt): ".utf8))
            try? await errors.flush()
        }
        let echo = isTyped ? EchoSwitch() : nil
        var bytes: [UInt8] = []
        defer { echo?.restore() }
        while bytes.count <= Self.secretBytesMax, let piece = try await input.read() {
            bytes += piece
            if isTyped, piece.contains(UInt8(ascii: "\n")) { break }
        }
        if isTyped { await note("") }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 1, bytes.count <= Self.secretBytesMax else {
            throw CommandError.usage(
                words.isEmpty
                    ? "\(prompt): nothing was given." : "\(prompt): a key without blanks is expected.")
        }
        return String(words[0])
    }
}

/// Keeps what is typed off the screen until `restore`.
private struct EchoSwitch {
    private let former: termios

    /// Nil when the input is no terminal.
    init?() {
        var state = termios()
        guard unsafe tcgetattr(0, &state) == 0 else { return nil }
        former = state
        state.c_lflag &= ~tcflag_t(ECHO)
        _ = unsafe tcsetattr(0, TCSAFLUSH, &state)
    }

    func restore() {
        var state = former
        _ = unsafe tcsetattr(0, TCSANOW, &state)
    }
}

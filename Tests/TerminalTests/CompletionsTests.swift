import Foundation
import SluiceCore
import Terminal
import Testing

/// Runs a shell on a script and gives what it prints; nil when this machine has no such shell.
private func shell(_ name: String, _ script: String) throws -> String? {
    guard
        let path = ["/bin/", "/usr/bin/", "/usr/local/bin/"].map({ $0 + name }).first(
            where: FileManager.default.isExecutableFile)
    else { return nil }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["-c", script]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
}

@Suite struct CompletionsTests {
    @Test(arguments: [
        ("", "gate serve completions --help"), ("ga", "gate"), ("gate o", "open"),
        ("gate open --w", "--width"), ("gate open --colour ", "red green"),
        ("gate open x --colour=1 --qu", "--quietly"),
        ("gate open --width 3 --col", "--colour"), ("completions ", "bash zsh fish --help"), ("serve --c", "--check"),
    ])
    func bashOffers(line: String, words: String) throws {
        let script = Completions.script(for: .bash, root: fixture.root)
        let call = """
            \(script)
            COMP_WORDS=(gate \(line.hasSuffix(" ") || line.isEmpty ? line + "''" : line))
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            complete() { :; }
            _gate
            echo "${COMPREPLY[@]}"
            """
        // The function under test is defined before `complete` is replaced, so the real one has been called once.
        guard let text = try shell("bash", call) else { return }
        let offered = text.split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(Set(offered) == Set(words.split(separator: " ").map(String.init)), "\(text)")
    }

    @Test(arguments: Completions.Shell.allCases)
    func everyCommandIsNamed(kind: Completions.Shell) {
        let script = Completions.script(for: kind, root: fixture.root)
        for word in ["gate open", "width", "colour", "red", "serve", "check", "completions"] {
            #expect(script.contains(word), "\(word)")
        }
    }

    @Test(arguments: [("bash", Completions.Shell.bash), ("zsh", .zsh), ("fish", .fish)])
    func theShellParsesIt(name: String, kind: Completions.Shell) throws {
        let script = Completions.script(for: kind, root: fixture.root)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("completions-\(UUID()).\(name)")
        try Data(script.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        guard let text = try shell(name, "\(name) -n '\(file.path)' && echo fine") else { return }
        #expect(text == "fine\n")
    }
}

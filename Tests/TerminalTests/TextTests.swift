import SluiceCore
import SluiceTesting
import Terminal
import Testing

@Suite struct SecretTests {
    @Test(arguments: [("key", "key"), ("  key\n", "key"), ("key\r\n\n", "key"), ("ä+/=", "ä+/=")])
    func aSecretIsReadFromTheInput(input: String, expected: String) async throws {
        let console = TestConsole(input: input)
        #expect(try await console.console.readSecret(prompt: "Secret key") == expected)
        #expect(console.output.text.isEmpty && console.errors.text.isEmpty)
    }

    @Test(arguments: ["", " \n", "two words", "one\nline", String(repeating: "x", count: 5000)])
    func anythingElseIsRefused(input: String) async {
        let console = TestConsole(input: input)
        do {
            _ = try await console.console.readSecret(prompt: "Secret key")
            Issue.record("was accepted")
        } catch {
            #expect((error as? CommandError)?.exitCode == .usage)
            #expect(!"\(error)".contains("words") && !"\(error)".contains("xxx"))
        }
    }
}

@Suite struct HumanTextTests {
    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (10 * 1024, "10 KiB"),
        (1_048_575, "1.0 MiB"),
        (5 << 20, "5.0 MiB"), (123 << 20, "123 MiB"), (3 << 40, "3.0 TiB"), (-2048, "-2.0 KiB"),
    ])
    func bytes(count: Int, text: String) { #expect(HumanText.bytes(count) == text) }

    @Test(arguments: [
        (0, "0.0 s"), (420, "0.4 s"), (12_000, "12 s"), (185_000, "3 min 05 s"), (7_620_000, "2 h 07 min"),
        (352_800_000, "4 d 02 h"),
    ])
    func durations(milliseconds: Int, text: String) {
        #expect(HumanText.duration(.milliseconds(milliseconds)) == text)
    }

    @Test(arguments: [
        (0, "1970-01-01 00:00:00Z"), (1_767_323_045_999, "2026-01-02 03:04:05Z"),
        (951_782_400_000, "2000-02-29 00:00:00Z"),
        (-1, "1969-12-31 23:59:59Z"), (4_107_542_400_000, "2100-03-01 00:00:00Z"),
    ])
    func times(milliseconds: Int64, text: String) {
        #expect(HumanText.time(Timestamp(milliseconds: milliseconds)) == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")])
    func counts(number: Int, text: String) { #expect(HumanText.count(number) == text) }
}

@Suite struct TextTableTests {
    private func table() -> TextTable {
        var table = TextTable([.init("NAME", isFlexible: true), .init("COUNT", .right), .init("NOTE")])
        table.append(["a-rather-long-name", "12", "x\ny"])
        table.append(["通道", "1234567"])
        return table
    }

    @Test func alignsColumns() {
        #expect(
            table().text(width: nil) == """
                NAME                  COUNT  NOTE
                a-rather-long-name       12  x y
                通道                1234567

                """)
    }

    @Test func cutsFlexibleColumns() {
        #expect(
            table().text(width: 27) == """
                NAME            COUNT  NOTE
                a-rather-lo…       12  x y
                通道          1234567

                """)
        #expect(table().text(width: 5).contains("a-rathe…  "))
    }
}

@Suite struct ProgressBarTests {
    /// MiB done and in all, seconds, columns, line.
    static let rows: [(Int, Int?, Int, Int, String)] = [
        (0, 100, 0, 80, "[------------------------------] 0% 0 B of 100 MiB"),
        (25, 100, 1, 80, "[#######-----------------------] 25% 25 MiB of 100 MiB, 25 MiB/s, 3.0 s left"),
        (100, 100, 4, 80, "[##############################] 100% 100 MiB of 100 MiB, 25 MiB/s"),
        (25, 100, 1, 50, "25% 25 MiB of 100 MiB, 25 MiB/s, 3.0 s left"),
        (25, nil, 1, 80, "25 MiB, 25 MiB/s"),
        (25, nil, 1, 8, "25 MiB,"),
    ]

    @Test(arguments: rows)
    func lines(done: Int, total: Int?, seconds: Int, width: Int, text: String) {
        let line = ProgressBar.line(
            done: done << 20, total: total.map { $0 << 20 }, elapsed: .seconds(seconds), width: width)
        #expect(line == text + String(repeating: " ", count: width - 1 - text.count))
    }

    @Test func drawsSeldomAndCleansUp() async {
        let test = TestConsole(isTerminal: true, width: 40)
        let bar = ProgressBar(total: 1000, on: test.console)
        for _ in 0..<5 {
            await bar.advance(by: 100)
            test.time.advance(by: .milliseconds(60))
        }
        await bar.finish()
        #expect(test.errors.text.split(separator: "\r").count == 4)
        #expect(test.errors.text.hasSuffix("\r\u{1B}[K"))
    }

    @Test func isSilentWithoutATerminal() async {
        let test = TestConsole()
        let bar = ProgressBar(total: 1000, on: test.console)
        await bar.advance(by: 1000)
        await bar.finish()
        #expect(test.errors.text.isEmpty)
    }
}

@Suite struct JSONOutputTests {
    @Test func writes() {
        let value = JSONOutput.object([
            ("b", .array([.null, .boolean(true), .integer(-1), .double(0.5), .double(.nan)])),
            ("a\"", .string("\\ \n\t\u{1}\u{7F}ü")), ("raw", .verbatim("{}")),
        ])
        #expect(value.text == #"{"b":[null,true,-1,0.5,null],"a\"":"\\ \n\t\u0001\u007fü","raw":{}}"#)
    }
}

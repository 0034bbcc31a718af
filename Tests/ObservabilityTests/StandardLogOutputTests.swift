import Foundation
import Testing

@testable import Observability

@Suite struct StandardLogOutputTests {
    /// What comes out of a pipe after `body` has written into it.
    private func written(
        _ format: StandardLogOutput.Format, _ body: (StandardLogOutput) -> Void
    ) throws -> [String] {
        let pipe = Pipe()
        body(
            StandardLogOutput(
                format: format, descriptor: pipe.fileHandleForWriting.fileDescriptor, now: { 1_760_000_000_123 }))
        try pipe.fileHandleForWriting.close()
        let text = try #require(String(data: pipe.fileHandleForReading.readDataToEndOfFile(), encoding: .utf8))
        return text.split(separator: "\n").map(String.init)
    }

    @Test func textIsForPeople() throws {
        let lines = try written(.text) { output in
            let logger = Logger(label: "server", metadata: ["b": "two words", "a": "1"], output: output)
            logger.info("listening")
            logger.debug("unseen")
            logger.error("bad\nnews\u{1B}[31m", ["c": "", "d": "x=\"y\"\n"])
        }
        #expect(
            lines == [
                "2025-10-09T08:53:20.123Z info     [server] listening a=1 b=\"two words\"",
                "2025-10-09T08:53:20.123Z error    [server] bad\\nnews\\u001b[31m a=1 b=\"two words\" c=\"\" d=\"x=\\\"y\\\"\\n\"",
            ])
    }

    @Test func coloursAreForTerminals() throws {
        let lines = try written(.colouredText) { Logger(label: "l", output: $0).warning("careful", ["k": "v"]) }
        #expect(
            lines == ["2025-10-09T08:53:20.123Z \u{1B}[33mwarning \u{1B}[0m [l] careful \u{1B}[2mk=\u{1B}[0mv"])
    }

    @Test(arguments: ["plain", "\"\\/\u{8}\n\r\t\u{0}\u{1F}\u{7F}\u{9F}", "中é😀", "", "\u{2028}"])
    func jsonHoldsAnyText(text: String) throws {
        let lines = try written(.json) { Logger(label: text, output: $0).log(.notice, text, [text: text]) }
        try #require(lines.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
        #expect(object["message"] as? String == text && object["label"] as? String == text)
        #expect(object["level"] as? String == "notice")
        #expect(object["time"] as? String == "2025-10-09T08:53:20.123Z")
        #expect(object["metadata"] as? [String: String] == [text: text])
    }

    @Test(arguments: [StandardLogOutput.Format.text, .colouredText, .json], ["a", "\"", "\u{1}", "é", "\u{9F}", "😀"])
    func longLinesAreShortenedAndStayWhole(format: StandardLogOutput.Format, filling: String) throws {
        let long = String(repeating: filling, count: 5000)
        let metadata = Dictionary(uniqueKeysWithValues: (0..<50).map { ("\($0)\(long)", long) })
        let lines = try written(format) { Logger(label: long, output: $0).error(long, metadata) }
        try #require(lines.count == 1)
        #expect(lines[0].utf8.count < StandardLogOutput.maximumLineSize)
        #expect(lines[0].contains("shortened"))
        if case .json = format { _ = try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) }
    }

    /// Nobody reads: lines are dropped instead of blocking, and counted when there is room again.
    @Test func aFullPipeDropsAndCounts() throws {
        let pipe = Pipe()
        let output = StandardLogOutput(format: .json, descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let logger = Logger(label: "l", output: output)
        let count = 2000
        for number in 0..<count { logger.info("line", ["n": String(number)]) }
        var text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        logger.info("last")
        try pipe.fileHandleForWriting.close()
        text += String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let lines = try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        let kept = lines.filter { $0["message"] as? String == "line" }.count
        let reported = lines.filter { $0["message"] as? String == "log lines were dropped" }
            .compactMap { ($0["metadata"] as? [String: String])?["count"].flatMap(Int.init) }.reduce(0, +)
        #expect(kept < count && kept + reported == count)
        #expect(lines.last?["message"] as? String == "last")
    }

    @Test func linesOfManyTasksStayWhole() async throws {
        let pipe = Pipe()
        let output = StandardLogOutput(format: .json, descriptor: pipe.fileHandleForWriting.fileDescriptor)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { for _ in 0..<30 { Logger(label: "task \(task)", output: output).info("message") } }
            }
        }
        try pipe.fileHandleForWriting.close()
        let lines = pipe.fileHandleForReading.readDataToEndOfFile().split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 240)
        for line in lines { _ = try JSONSerialization.jsonObject(with: line) }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, text: String) {
        #expect(LogLine.timestamp(milliseconds) == text)
    }
}

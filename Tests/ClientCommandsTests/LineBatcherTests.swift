import Foundation
import SluiceCore
import SluiceTesting
import Terminal
import Testing

@testable import ClientCommands

private func body(_ batch: PutBatch) throws -> [[String: String]] {
    let whole = try #require(JSONSerialization.jsonObject(with: Data(batch.body)) as? [String: Any])
    #expect(whole["stream_name"] as? String == "s\"1")
    return try #require(whole["records"] as? [[String: String]])
}

private func text(_ record: [String: String]) throws -> String {
    String(decoding: try #require(Data(base64Encoded: record["data"] ?? "?")), as: UTF8.self)
}

private func batches(
    _ pieces: [String], _ format: LineBatcher.Format = .lines, key: String? = nil, partition: String? = nil,
    recordsMax: Int = 500
) throws -> [PutBatch] {
    var batcher = LineBatcher(stream: "s\"1", format: format, key: key, partition: partition, recordsMax: recordsMax)
    var full: [PutBatch] = []
    for piece in pieces { try batcher.append(Array(piece.utf8), full: &full) }
    try batcher.finish(full: &full)
    if let last = batcher.flush() { full.append(last) }
    return full
}

@Suite struct LineBatcherTests {
    @Test(arguments: [
        (["a\nb\nc"], ["a", "b", "c"]), (["a\nb", "\n", "c\n"], ["a", "b", "c"]), (["", "abc", "def\n"], ["abcdef"]),
        (["\n\na"], ["", "", "a"]), (["a\r\n"], ["a\r"]), ([], []), (["ü", "\n"], ["ü"]),
    ])
    func lines(pieces: [String], expected: [String]) throws {
        let found = try batches(pieces).flatMap { try body($0).map(text) }
        #expect(found == expected)
    }

    @Test func anyCutGivesTheSameRecords() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededRandom(seed: seed)
        let lines = (0..<400).map { _ in String(repeating: "x", count: Int.random(in: 0...40, using: &generator)) }
        var rest = Substring(lines.joined(separator: "\n") + "\n")
        var pieces: [String] = []
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...100, using: &generator))
            pieces.append(String(piece))
            rest = rest.dropFirst(piece.count)
        }
        let found = try batches(pieces, recordsMax: 7)
        #expect(try found.flatMap { try body($0).map(text) } == lines, "seed \(seed)")
        #expect(found.flatMap(\.lines) == Array(1...400), "seed \(seed)")
        #expect(found.allSatisfy { $0.count <= 7 })
        #expect(found.reduce(0) { $0 + $1.consumedBytes } == pieces.reduce(0) { $0 + $1.count }, "seed \(seed)")
    }

    @Test func batchesStayWithinTheServicesLimits() throws {
        let line = String(repeating: "y", count: 1 << 20)
        let found = try batches((0..<9).map { _ in line + "\n" })
        #expect(found.map(\.count) == [4, 4, 1])
        let many = try batches([String(repeating: "z\n", count: 1200)])
        #expect(many.map(\.count) == [500, 500, 200])
    }

    @Test func refusesTooLongLines() throws {
        #expect {
            try batches(["ok\n", String(repeating: "y", count: (1 << 20) + 1) + "\n"])
        } throws: { "\($0)".contains("Line 2 is longer than the 1.0 MiB") }
        // Without a line feed too: what is kept is bounded.
        #expect(throws: CommandError.self) { try batches([String(repeating: "y", count: 1 << 20), "yy"]) }
    }

    @Test func keysAndPartitions() throws {
        let found = try body(try batches(["a\nb"], key: "k\"\n", partition: "3")[0])
        #expect(found.allSatisfy { $0["partition_key"] == "k\"\n" && $0["partition_id"] == "3" })
    }

    @Test func keysFromJSON() throws {
        let lines = [
            #"{"id":"a\"ü","x":{"id":"no"}}"#, #"{"id":12.5e1}"#, "  ", #"{"x":1}"#, #"{"id":null}"#,
            #"[1,{"id":"no"}]"#,
            #"{"id":"old","id":"new"}"#,
        ]
        let batch = try batches([lines.joined(separator: "\n")], .json(keyField: "id"))[0]
        let keys = try body(batch).map { $0["partition_key"] }
        #expect(keys == ["a\"ü", "12.5e1", nil, nil, nil, "new"])
        #expect(batch.lines == [1, 2, 4, 5, 6, 7])
        #expect(try body(batch).map(text) == lines.filter { $0 != "  " })
    }

    @Test func selectingRepeatsExactlyThese() throws {
        let batch = try batches(["a\nb\nc\nd"], key: "k")[0]
        for indexes in [[0], [3], [1, 2], [0, 3], [0, 1, 2, 3]] {
            let selected = batch.selecting(indexes)
            #expect(try body(selected).map(text) == indexes.map { ["a", "b", "c", "d"][$0] })
            #expect(selected.lines == indexes.map { $0 + 1 })
            let again = selected.selecting([selected.count - 1])
            #expect(try body(again).map(text) == [["a", "b", "c", "d"][indexes.last ?? 0]])
        }
    }
}

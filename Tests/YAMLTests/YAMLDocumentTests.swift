import Testing
import YAML

@Suite struct YAMLDocumentTests {
    /// A short form of a tree: `{key@line: value@line}`, `[a@1]`, quoted scalars in quotes.
    private func brief(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let text): (node.isQuoted ? "\"\(text)\"" : text) + "@\(node.line)"
        case .sequence(let elements): "[" + elements.map(brief).joined(separator: " ") + "]"
        case .mapping(let members):
            "{" + members.map { "\($0.key)@\($0.line): \(brief($0.value))" }.joined(separator: " ") + "}"
        }
    }

    @Test(arguments: [
        ("a: 1\nb:\n  c: x y\n", "{a@1: 1@1 b@2: {c@3: x y@3}}"),
        ("- 1\n- [2, 3]\n- {a: b}\n", "[1@1 [2@2 3@2] {a@3: b@3}]"),
        ("a: '1'\nb: \"x\\n\"\nc: |\n  t\n", "{a@1: \"1\"@1 b@2: \"x\n\"@2 c@3: \"t\n\"@3}"),
        ("a: &x {k: v}\nb: *x\n", "{a@1: {k@1: v@1} b@2: {k@1: v@1}}"),
        ("---\na:\n...\n", "{a@2: @2}"),
        ("# only\n\nkey: 中é # tail\n", "{key@3: 中é@3}"),
        ("plain", "plain@1"),
        ("\u{FEFF}a: b", "{a@1: b@1}"),
    ])
    func reads(text: String, tree: String) throws {
        #expect(try YAMLDocument.parse(Array(text.utf8)).map(brief) == tree)
    }

    @Test(arguments: ["", "\n", "# nothing\n", "   \n"])
    func findsNothing(text: String) throws {
        #expect(try YAMLDocument.parse(Array(text.utf8)) == nil)
    }

    @Test(arguments: [
        ("a: 1\nb: 2\na: 3\n", YAMLError.Code.duplicateKey, 3),
        ("a: [1\n", .syntax, 2),
        ("a: b: c\n", .syntax, 1),
        ("a: 1\n\tb: 2\n", .syntax, 2),
        ("a: *x\n", .unknownAlias, 1),
        ("a: &x [*x]\n", .unknownAlias, 1),
        ("? [1]\n: 2\n", .keyIsNoScalar, 1),
        ("a: 1\n---\nb: 2\n", .moreThanOneDocument, 2),
        ("a: \"x\n", .syntax, 2),
        ("a: 1\nb: \u{1}\n", .syntax, 2),
        ("a: %x\n", .syntax, 1),
        (String(repeating: "[", count: 40) + String(repeating: "]", count: 40), .limitExceeded, 1),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [[*b]]\n" + String(repeating: "- ", count: 1), .syntax, 4),
    ])
    func refuses(text: String, code: YAMLError.Code, line: Int) throws {
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(Array(text.utf8)) }
        #expect(error?.code == code && error?.line == line, "\(String(describing: error))")
    }

    @Test func invalidUTF8IsRefusedWithItsLine() throws {
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(Array("a: 1\nb: ".utf8) + [0xC3, 0x28]) }
        #expect(error?.code == .syntax && error?.line == 2)
    }

    /// The "billion laughs": each level is ten times the one before.
    @Test func aliasesCannotExplode() throws {
        var text = "a0: &a0 x\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]\n"
        }
        let error = #expect(throws: YAMLError.self) { try YAMLDocument.parse(Array(text.utf8)) }
        #expect(error?.code == .limitExceeded)
    }

    @Test func aliasesCannotDeepen() throws {
        var limits = YAMLLimits()
        limits.maximumDepth = 4
        #expect(throws: Never.self) { try YAMLDocument.parse(Array("a: &a [[x]]\n".utf8), limits: limits) }
        let error = #expect(throws: YAMLError.self) {
            try YAMLDocument.parse(Array("a: &a [[x]]\nb: [*a]\n".utf8), limits: limits)
        }
        #expect(error?.code == .limitExceeded && error?.line == 2)
    }

    @Test func largeTextsAreRefused() throws {
        let error = #expect(throws: YAMLError.self) {
            try YAMLDocument.parse([UInt8](repeating: UInt8(ascii: "#"), count: (1 << 20) + 1))
        }
        #expect(error?.code == .limitExceeded)
    }

    @Test(arguments: [("~", true), ("null", true), ("", true), ("''", false), ("'null'", false), ("0", false)])
    func knowsNull(text: String, isNull: Bool) throws {
        let node = try #require(try YAMLDocument.parse(Array("a: \(text)\n".utf8)))
        guard case .mapping(let members) = node.content else { return }
        #expect(members.first?.value.isNull == isNull)
    }
}

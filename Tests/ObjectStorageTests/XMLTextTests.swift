import Testing

@testable import ObjectStorage

@Suite(.timeLimit(.minutes(1))) struct XMLTextTests {
    @Test(arguments: [
        ("a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"), ("&#38;&#x10FFFF;", "&\u{10FFFF}"),
        ("a & b; &nothing; &", "a & b; &nothing; &"),
        ("&amp;amp;", "&amp;"), ("&#xD800;", "&#xD800;"), ("", ""),
    ]) func entitiesAreResolved(text: String, expected: String) {
        #expect(XMLText.first("Key", in: "<Key>\(text)</Key>") == expected)
    }

    /// No answer makes its reader look through the rest of it again and again.
    @Test func whatIsNoEntityCostsLittle() {
        let text = String(repeating: "&", count: 300_000)
        #expect(XMLText.first("Key", in: "<Key>\(text)</Key>") == text)
    }
}

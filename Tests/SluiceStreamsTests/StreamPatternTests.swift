import Testing

@testable import SluiceStreams

@Suite struct StreamPatternTests {
    // Pattern, name, whether it matches; nil: the pattern is refused.
    @Test(
        arguments: [
            (".*", "meters", true), ("met.*", "meters", true), ("met", "meters", false), ("a|meters", "meters", true),
            ("(?:met|alarm).*", "alarms", true), (#"a\(\+"#, "a", false), ("[", "a", nil), ("(a+)+$", "a", nil),
            ("(a|aa)*", "a", nil), ("a?a?a?a?aaaa", "aaaa", nil), ("(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)", "a", nil),
            ("(?x)(a+) +", "a", nil), (#"(a+)\Q\E+"#, "a", nil), ("(a+)(?#x)+", "a", nil),
            ("(a{1,9}){9}", "a", nil), (String(repeating: "a", count: 257), "a", nil),
        ] as [(String, String, Bool?)])
    func matching(pattern: String, name: String, expected: Bool?) {
        #expect(StreamPattern(pattern)?.matches(name) == expected)
    }
}

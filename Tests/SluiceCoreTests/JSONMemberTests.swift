import SluiceCore
import Testing

@Suite struct JSONMemberTests {
    /// The value's text; nil for none.
    func member(_ name: String, of text: String) -> String? {
        let bytes = Array(text.utf8)
        return unsafe bytes.withUnsafeBytes { buffer in
            unsafe JSONText.member(Array(name.utf8), of: buffer).map {
                String(decoding: unsafe buffer[$0], as: UTF8.self)
            }
        }
    }

    @Test(arguments: [
        (#"{"t":1}"#, "1"), (#" { "a" : [1, {"t":2}] , "t" : "x" } "#, #""x""#), (#"{"t":1,"t":[2]}"#, "[2]"),
        (#"{"\u0074":3}"#, "3"), (#"{"a":{"t":5},"t":{"t":6}}"#, #"{"t":6}"#), (#"{"t":-1.5e3}"#, "-1.5e3"),
        (#"{"t":null,"b":"\"t\":7"}"#, "null"), (#"{"tt":1,"t":"\u00e9"}"#, #""\u00e9""#),
    ])
    func findsTheMemberOfTheObjectItself(text: String, expected: String) {
        #expect(member("t", of: text) == expected)
    }

    @Test(arguments: [
        "", "{}", "[]", "1", #""t""#, #"[{"t":1}]"#, #"{"a":{"t":1}}"#, #"{"T":1}"#, #"{"t":1"#, #"{"t":1}x"#,
        #"{"t":1,}"#, #"{"t":01}"#, #"{"t":1,"b":tru}"#, #"{"t" 1}"#, #"{t:1}"#, #"{"t":"\x"}"#, "{\"t\":\"\u{1}\"}",
    ])
    func findsNothingElsewhereOrInWhatIsNotJSON(text: String) {
        #expect(member("t", of: text) == nil)
    }

    @Test func namesMayBeLongEmptyOrInAnyAlphabet() {
        let long = String(repeating: "n", count: 300)
        for name in ["", "größe", "日本", long] {
            #expect(member(name, of: #"{"other":0,"\#(name)":8}"#) == "8")
        }
        #expect(member("größe", of: #"{"gr\u00f6\u00dfe":9}"#) == "9")
    }

    @Test func readsStrings() {
        func string(_ text: String) -> String? {
            unsafe Array(text.utf8).withUnsafeBytes { unsafe JSONText.string($0) }
        }
        #expect(string(#""""#) == "")
        #expect(string(#""a\n\u00e9\"""#) == "a\né\"")
        #expect(string("12") == nil)
        #expect(string("\"") == nil)
    }
}

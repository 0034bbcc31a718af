/// Random PutRecords bodies, decided by a seed: mostly right ones, written in every way that JSON allows.
///
/// No name comes twice in an object: JSONDecoder keeps the first value of such a member and never looks at the others.
struct RandomBodies {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func draw(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ mixed >> 31) % UInt64(bound))
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[draw(elements.count)] }

    mutating func body() -> [UInt8] {
        var members: [String] = []
        if draw(10) > 0 { members.append(member("stream_name", draw(12) == 0 ? anyValue(2) : string(word()))) }
        if draw(3) == 0 {
            members.append(member("stream_id", draw(12) == 0 ? anyValue(2) : string(pick(["", word()]))))
        }
        if draw(20) > 0 { members.append(member("records", draw(25) == 0 ? anyValue(2) : records())) }
        for index in 0..<draw(3) {
            members.append(member(pick(["Records", "x", "stream", word()]) + String(index), anyValue(4)))
        }
        for index in members.indices { members.swapAt(index, draw(members.count)) }
        var body = Array((blank() + object(members) + blank()).utf8)
        if draw(3) == 0 { mutate(&body) }
        return body
    }

    private mutating func mutate(_ body: inout [UInt8]) {
        let interesting =
            Array("\"\\{}[],:=0-+.u \n\tntf/_".utf8) + [0, 0x1f, 0x7f, 0x80, 0xc0, 0xe4, 0xed, 0xf4, 0xff]
        for _ in 0...draw(3) where !body.isEmpty {
            let place = draw(body.count)
            switch draw(4) {
            case 0: body[place] = pick(interesting)
            case 1: body.remove(at: place)
            case 2: body.insert(pick(interesting), at: place)
            default: body.removeSubrange(place..<min(body.count, place + draw(4)))
            }
        }
    }

    private mutating func records() -> String {
        let count = draw(6) == 0 ? draw(40) : draw(4)
        return "[" + blank() + (0..<count).map { _ in record() }.joined(separator: blank() + "," + blank()) + blank()
            + "]"
    }

    private mutating func record() -> String {
        if draw(60) == 0 { return anyValue(2) }
        var members: [String] = []
        if draw(40) > 0 { members.append(member("data", draw(60) == 0 ? anyValue(1) : data())) }
        if draw(3) == 0 { members.append(member("partition_key", draw(30) == 0 ? anyValue(1) : string(word()))) }
        if draw(3) == 0 { members.append(member("explicit_hash_key", number())) }
        if draw(3) == 0 {
            members.append(member("partition_id", draw(2) == 0 ? number() : string("shardId-" + digits(10))))
        }
        if draw(3) == 0 { members.append(member("timestamp", number())) }
        if draw(5) == 0 { members.append(member(pick(["Data", "extended_info", word()]), anyValue(3))) }
        for index in members.indices { members.swapAt(index, draw(members.count)) }
        return object(members)
    }

    private mutating func data() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
        let length = draw(8) == 0 ? draw(400) : draw(24)
        var text = String((0..<length).map { _ in pick(alphabet) })
        if draw(2) == 0 { while text.utf8.count % 4 != 0 { text += "=" } }
        if draw(30) == 0 { text += pick(["=", "==", " ", "\n", "*", "é"]) }
        return string(text)
    }

    private mutating func number() -> String {
        let text = pick([
            digits(1), digits(5), digits(19), "9223372036854775807", "9223372036854775808", "0", "1760000300123", "-1",
            "",
            "abc", " 1",
        ])
        // Not every text is a number of JSON: those stand in quotes.
        let isNumber = text == "0" || (text.first.map { "-123456789".contains($0) } ?? false)
        // Fractions and exponents have a table of their own: JSONDecoder does not tell how a number was written.
        return isNumber && draw(2) == 0 ? text : draw(40) == 0 ? pick(["true", "null", "{}", "[1]"]) : string(text)
    }

    private mutating func digits(_ count: Int) -> String {
        String((0..<count).map { _ in pick(Array("0123456789")) })
    }

    private mutating func word() -> String {
        let letters = Array("abcXYZ019_- /\\\"\u{8}\u{c}\n\r\t\u{1}éß中文\u{1f600}\u{10ffff}\u{7f}\u{fffd}")
        return String((0..<draw(draw(6) == 0 ? 60 : 9)).map { _ in pick(letters) })
    }

    /// The text in quotes, each character as it is or escaped one way or another.
    private mutating func string(_ text: String) -> String {
        let style = draw(4)
        var quoted = "\""
        for scalar in text.unicodeScalars {
            let short: [Unicode.Scalar: String] = [
                "\"": "\\\"", "\\": "\\\\", "/": "\\/", "\u{8}": "\\b", "\u{c}": "\\f", "\n": "\\n", "\r": "\\r",
                "\t": "\\t",
            ]
            if let escape = short[scalar], scalar != "/" || draw(2) == 0 {
                quoted += escape
            } else if scalar.value < 0x20 || (style == 0 && draw(3) == 0) {
                for unit in String(scalar).utf16 {
                    let hex = String(unit, radix: 16, uppercase: draw(2) == 0)
                    quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                }
            } else {
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private mutating func member(_ name: String, _ value: String) -> String {
        string(name) + blank() + ":" + blank() + value
    }

    private mutating func object(_ members: [String]) -> String {
        "{" + blank() + members.joined(separator: blank() + "," + blank()) + blank() + "}"
    }

    private mutating func blank() -> String { draw(4) == 0 ? pick([" ", "\n", "\t", "\r\n", "   "]) : "" }

    private mutating func anyValue(_ depth: Int) -> String {
        switch draw(depth > 0 ? 9 : 6) {
        case 0: "null"
        case 1: pick(["true", "false"])
        case 2: pick(["0", "-0", "1", "-12", "1.5", "0.25", "1e3", "1E+2", "12e-1", "9007199254740993"])
        case 3, 4: string(word())
        case 5: pick(["\"\"", "{}", "[]"])
        case 6: "[" + (0..<draw(4)).map { _ in anyValue(depth - 1) }.joined(separator: ",") + "]"
        default: object((0..<draw(4)).map { member(word() + String($0), anyValue(depth - 1)) })
        }
    }
}

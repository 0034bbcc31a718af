internal import Observability
internal import SluiceCore

/// How the text of a setting becomes its value and back.
struct ValueFormat<Value: Sendable>: Sendable {
    /// What stands for the value in the help: `DURATION`.
    let placeholder: String
    /// What may be given, as a phrase: `1s to 1h`.
    let allowed: String
    /// Nil when the text is not allowed.
    let parse: @Sendable (String) -> Value?
    let print: @Sendable (Value) -> String
    /// Whether a flag may stand without a value.
    var isSwitch = false
    /// Whether a list in the file is joined with commas.
    var isList = false
}

extension ValueFormat {
    /// The same, or a word for nothing.
    func orNone(_ word: String) -> ValueFormat<Value?> {
        ValueFormat<Value?>(
            placeholder: placeholder, allowed: "\(allowed), or `\(word)`",
            parse: { text in
                if text == word { return .some(nil) }
                return parse(text).map { .some($0) }
            }, print: { $0.map(print) ?? word }, isList: isList)
    }
}

extension ValueFormat<String> {
    static func text(_ placeholder: String, _ allowed: String) -> Self {
        Self(
            placeholder: placeholder, allowed: allowed,
            parse: { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 }, print: { $0 })
    }

    static func name(_ placeholder: String, upTo limit: Int) -> Self {
        Self(
            placeholder: placeholder, allowed: "1 to \(limit) letters, digits, `_` and `-`",
            parse: { $0.isName(upTo: limit) ? $0 : nil }, print: { $0 })
    }
}

extension ValueFormat<Bool> {
    static var truth: Self {
        Self(
            placeholder: "BOOL", allowed: "`true` or `false`",
            parse: { text in
                switch text.lowercased() {
                case "true", "yes", "on", "1": true
                case "false", "no", "off", "0": false
                default: nil
                }
            }, print: { String($0) }, isSwitch: true)
    }
}

extension ValueFormat<Int> {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(
            placeholder: "NUMBER", allowed: "\(range.lowerBound) to \(range.upperBound)",
            parse: { text in Int(decimal: text).flatMap { range.contains($0) ? $0 : nil } }, print: { String($0) })
    }

    static func oneOf(_ values: [Int]) -> Self {
        let words = values.map { "`\($0)`" }.joined(separator: " or ")
        return Self(
            placeholder: "NUMBER", allowed: words,
            parse: { text in Int(decimal: text).flatMap { values.contains($0) ? $0 : nil } }, print: { String($0) })
    }
}

extension ValueFormat where Value: CaseIterable & RawRepresentable<String> {
    static var choice: Self {
        Self(
            placeholder: Value.allCases.map(\.rawValue).joined(separator: "|"),
            allowed: Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "),
            parse: { Value(rawValue: $0) }, print: { $0.rawValue })
    }
}

extension ValueFormat<ListenAddress> {
    static var address: Self {
        Self(
            placeholder: "HOST:PORT", allowed: "`HOST:PORT`, IPv6 in brackets; port 0 takes a free one",
            parse: { ListenAddress($0) }, print: { $0.description })
    }
}

extension ValueFormat<ServiceURL> {
    static var url: Self {
        Self(
            placeholder: "URL", allowed: "`http://HOST[:PORT]` or `https://HOST[:PORT]`",
            parse: { ServiceURL($0) }, print: { $0.description })
    }
}

extension ValueFormat<[String]> {
    static var hosts: Self {
        Self(
            placeholder: "HOST,…", allowed: "`HOST` or `HOST:PORT`, several with commas",
            parse: { text in
                let hosts =
                    text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                let areGood = hosts.allSatisfy { ListenAddress($0) != nil || ListenAddress($0 + ":1") != nil }
                return areGood ? hosts : nil
            }, print: { $0.isEmpty ? "none" : $0.joined(separator: ",") }, isList: true)
    }
}

extension ValueFormat<Duration> {
    /// `30s`, `5m`, `1h30m`; a plain number is in seconds.
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        Self(
            placeholder: "DURATION",
            allowed: "\(UnitText.print(range.lowerBound)) to \(UnitText.print(range.upperBound))",
            parse: { text in UnitText.duration(text).flatMap { range.contains($0) ? $0 : nil } },
            print: { UnitText.print($0) })
    }
}

extension ValueFormat<ByteCount> {
    /// `64MiB`, `1GB`; a plain number is in bytes.
    static func size(_ range: ClosedRange<ByteCount>) -> Self {
        Self(
            placeholder: "SIZE", allowed: "\(UnitText.print(range.lowerBound)) to \(UnitText.print(range.upperBound))",
            parse: { text in UnitText.size(text).flatMap { range.contains($0) ? $0 : nil } },
            print: { UnitText.print($0) })
    }
}

extension ValueFormat<Logger.Level> {
    static var level: Self {
        Self(
            placeholder: "LEVEL", allowed: Logger.Level.allCases.map { "`\($0.name)`" }.joined(separator: ", "),
            parse: { text in Logger.Level.allCases.first { $0.name == text } }, print: { $0.name })
    }
}

/// The flags of `sluice serve`: `--name VALUE`, `--name=VALUE`, and `--name` alone for a switch.
struct SettingsFlags {
    private(set) var values: [GivenValue] = []
    private(set) var problems: [SettingsError.Problem] = []
    private(set) var file: String?
    private(set) var isCheck = false
    private(set) var isHelp = false

    init(_ arguments: [String]) {
        var rest = arguments[...]
        var seen: Set<String> = []
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                problems.append(
                    .init(code: .unknownName, place: argument, message: "unexpected argument; settings begin with --"))
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = String(parts[0])
            let inline = parts.count > 1 ? String(parts[1]) : nil
            if !seen.insert(flag).inserted {
                problems.append(.init(code: .duplicate, place: flag, message: "is given twice"))
            }
            switch flag {
            case "--help", "-h": isHelp = true
            case "--check": isCheck = true
            case "--config": file = value(of: flag, inline, &rest)
            default: add(flag, inline, &rest)
            }
        }
    }

    private mutating func add(_ flag: String, _ inline: String?, _ rest: inout ArraySlice<String>) {
        guard let setting = SettingsSchema.settings.first(where: { $0.name.flag == flag }) else {
            let known = SettingsSchema.settings.map(\.name.flag) + ["--config", "--check", "--help"]
            problems.append(.unknown(flag, at: flag, known: known))
            // Its value, if it has one, is no argument of its own.
            if inline == nil, let next = rest.first, !next.hasPrefix("-") { rest.removeFirst() }
            return
        }
        let text: String?
        if setting.isSwitch, inline == nil {
            // A truth value may follow; anything else is the next flag.
            var scratch = Settings()
            let next = rest.first ?? ""
            text = setting.apply(next, &scratch) ? rest.removeFirst() : "true"
        } else {
            text = value(of: flag, inline, &rest)
        }
        if let text { values.append(GivenValue(setting: setting, text: text, place: flag)) }
    }

    private mutating func value(of flag: String, _ inline: String?, _ rest: inout ArraySlice<String>) -> String? {
        if let inline { return inline }
        guard let next = rest.first, !next.hasPrefix("--") else {
            problems.append(.init(code: .missingValue, place: flag, message: "needs a value"))
            return nil
        }
        rest.removeFirst()
        return next
    }
}

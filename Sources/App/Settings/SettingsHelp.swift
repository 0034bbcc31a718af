/// The help text of `sluice serve`.
package enum SettingsHelp {
    private static let width = 100
    private static let indentation = 6

    package static var text: String {
        var lines = [
            "Starts the server.",
            "",
            "Usage: sluice serve [--config FILE] [--check] [SETTING…]",
            "",
            "Each setting can be given as a flag, as a variable (SLUICE_ and the flag's words in capitals, with",
            "underscores) or in the settings file; flags win over variables, variables over the file.",
            "",
            "  --config FILE  (SLUICE_CONFIG)",
        ]
        lines += wrapped("The settings file, in YAML.")
        lines.append("  --check")
        lines += wrapped("Checks all settings, says what is wrong with them, and exits.")
        lines.append("  --help, -h")
        lines += wrapped("Prints this text.")
        for group in SettingsSchema.groups {
            lines += ["", group.title + ":"]
            for setting in group.settings {
                lines.append("  \(setting.name.flag) \(setting.placeholder)")
                lines += wrapped(
                    "\(setting.explanation) Allowed: \(setting.allowed). Default: \(setting.defaultText)."
                        .filter { $0 != "`" })
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func wrapped(_ text: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indentation + line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.map { String(repeating: " ", count: indentation) + $0 }
    }
}

/// The one name of a setting, in its three spellings.
package struct SettingName: Hashable, Sendable, CustomStringConvertible {
    /// `transfer.minimum_deliver_interval`: nested keys in the settings file.
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// `--transfer-minimum-deliver-interval`
    package var flag: String {
        "--" + String(text.map { $0 == "." || $0 == "_" ? "-" : $0 })
    }

    /// `SLUICE_TRANSFER_MINIMUM_DELIVER_INTERVAL`
    package var variable: String {
        Self.variablePrefix + String(text.map { $0 == "." ? "_" : $0 }).uppercased()
    }

    /// What stands before the first dot; nil for a setting outside the groups.
    package var group: String? {
        text.firstIndex(of: ".").map { String(text[..<$0]) }
    }

    package var description: String { text }

    static let variablePrefix = "SLUICE_"
}

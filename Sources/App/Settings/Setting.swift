/// One setting: its name, what it accepts, and where its value goes.
package struct Setting: Sendable {
    package let name: SettingName
    /// One or two sentences for people.
    package let explanation: String
    package let placeholder: String
    package let allowed: String
    package let defaultText: String
    let isSwitch: Bool
    let isList: Bool
    /// Puts the text's value into the settings; false when the text is not allowed.
    let apply: @Sendable (String, inout Settings) -> Bool
    /// The value as it would be written.
    let print: @Sendable (Settings) -> String

    /// `allowed` without the page's quotes, for messages.
    var allowedInWords: String { allowed.filter { $0 != "`" } }

    /// - Parameter defaultText: what the default is, where it is not fixed.
    init<Value: Sendable>(
        _ name: String, _ path: any WritableKeyPath<Settings, Value> & Sendable, _ format: ValueFormat<Value>,
        defaultText: String? = nil, _ explanation: String
    ) {
        self.name = SettingName(name)
        self.explanation = explanation
        placeholder = format.placeholder
        allowed = format.allowed
        isSwitch = format.isSwitch
        isList = format.isList
        self.defaultText = defaultText ?? format.print(Settings()[keyPath: path])
        apply = { text, settings in
            guard let value = format.parse(text) else { return false }
            settings[keyPath: path] = value
            return true
        }
        print = { format.print($0[keyPath: path]) }
    }
}

/// Settings that belong together, with a heading.
package struct SettingGroup: Sendable {
    package let title: String
    package let settings: [Setting]
}

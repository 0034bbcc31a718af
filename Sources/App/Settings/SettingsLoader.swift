internal import SluiceCore

/// What the command line and its surroundings ask for.
package struct LoadedSettings: Sendable {
    package let settings: Settings
    /// `--check`: say whether the settings are right, and exit.
    package let isCheck: Bool
    /// `--help`: print `SettingsHelp.text` and exit; nothing else has been looked at.
    package let isHelp: Bool
    /// The settings file, if one was named.
    package let file: String?
    /// Where each setting that is not at its default comes from: a flag, a variable, or file and line.
    package let sources: [SettingName: String]

    /// One line for each setting that was given, `log.level: debug (--log-level)`, and one for the destinations; in the
    /// order of the reference page and without secrets.
    package var report: [String] {
        var lines = SettingsSchema.settings.compactMap { setting in
            sources[setting.name].map { "\(setting.name): \(setting.print(settings)) (\($0))" }
        }
        if let file, !settings.destinations.isEmpty {
            lines.append("destinations: \(settings.destinations.count) (\(file))")
        }
        return lines
    }
}

extension Settings {
    /// Reads the settings from flags, then environment, then the file that `--config` or `SLUICE_CONFIG` names; the first
    /// that gives a setting decides, but all of them have to be right.
    ///
    /// Blocks while it reads small files; meant for the start.
    ///
    /// - Parameters:
    ///   - arguments: what follows `sluice serve`.
    ///   - environment: all variables; those without the prefix `SLUICE_` are ignored, except `XDG_DATA_HOME` and `HOME`.
    /// - Throws: everything that is wrong, in one error.
    package static func load(
        arguments: [String], environment: [String: String]
    ) throws(SettingsError) -> LoadedSettings {
        try load(arguments: arguments, environment: environment, readFile: SettingsFiles.contents)
    }

    /// The same with another way to read files, for tests.
    package static func load(
        arguments: [String], environment: [String: String], readFile: @escaping (String) throws -> [UInt8]
    ) throws(SettingsError) -> LoadedSettings {
        var loader = SettingsLoader(environment: environment, readFile: readFile)
        return try loader.load(arguments)
    }
}

/// A text given for a setting, and where.
struct GivenValue {
    let setting: Setting
    let text: String
    let place: String
}

/// Gathers values from the three places, from the strongest to the weakest, and everything that is wrong with them.
struct SettingsLoader {
    private let environment: [String: String]
    let readFile: (String) throws -> [UInt8]
    private var problems: [SettingsError.Problem] = []

    init(environment: [String: String], readFile: @escaping (String) throws -> [UInt8]) {
        self.environment = environment
        self.readFile = readFile
    }

    mutating func load(_ arguments: [String]) throws(SettingsError) -> LoadedSettings {
        let flags = SettingsFlags(arguments)
        if flags.isHelp {
            return LoadedSettings(settings: Settings(), isCheck: false, isHelp: true, file: nil, sources: [:])
        }
        problems += flags.problems
        var given = flags.values
        given += variables()

        let file = flags.file ?? environment["SLUICE_CONFIG"]
        var destinations: [DestinationSettings] = []
        if let file {
            var reader = SettingsFileReader(file: file, readFile: readFile)
            reader.read()
            problems += reader.problems
            given += reader.values
            destinations = reader.destinations
        }

        var settings = Settings()
        var sources: [SettingName: String] = [:]
        // The weakest first, so that the strongest stands in the end.
        var refused: [SettingsError.Problem] = []
        for value in given.reversed() {
            if value.setting.apply(value.text, &settings) {
                sources[value.setting.name] = value.place
            } else {
                refused.append(
                    .init(
                        code: .badValue, place: value.place,
                        message:
                            "\"\(value.text)\" is not allowed for \(value.setting.name): \(value.setting.allowedInWords)"
                    )
                )
            }
        }
        problems += refused.reversed()
        settings.destinations = destinations
        if settings.dataDirectory.isEmpty { settings.dataDirectory = defaultDataDirectory() }
        problems += SettingsRules.problems(in: settings, sources: sources, readFile: readFile)
        if !problems.isEmpty { throw SettingsError(problems: problems) }
        return LoadedSettings(
            settings: settings, isCheck: flags.isCheck, isHelp: false, file: file, sources: sources)
    }

    private mutating func variables() -> [GivenValue] {
        var values: [GivenValue] = []
        for (variable, text) in environment.sorted(by: { $0.key < $1.key })
        where variable.hasPrefix(SettingName.variablePrefix) {
            if let setting = SettingsSchema.settings.first(where: { $0.name.variable == variable }) {
                values.append(GivenValue(setting: setting, text: text, place: variable))
            } else if variable != "SLUICE_CONFIG", !SettingsSchema.isForeign(variable: variable) {
                let known = SettingsSchema.settings.map(\.name.variable) + ["SLUICE_CONFIG"]
                problems.append(.unknown(variable, at: variable, known: known))
            }
        }
        return values
    }

    /// https://specifications.freedesktop.org/basedir-spec: an empty or relative `XDG_DATA_HOME` is ignored.
    private mutating func defaultDataDirectory() -> String {
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/sluice" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/share/sluice" }
        problems.append(
            .init(
                code: .missingValue, place: "--data-dir",
                message: "has to be given, because neither XDG_DATA_HOME nor HOME is set"))
        return ""
    }
}

extension SettingsError.Problem {
    static func unknown(_ name: String, at place: String, known: [String]) -> Self {
        let hint = NearestName.of(name, among: known).map { "; did you mean \($0)?" } ?? ""
        let subject = place == name ? "" : "\(name): "
        return Self(code: .unknownName, place: place, message: "\(subject)there is no such setting\(hint)")
    }
}

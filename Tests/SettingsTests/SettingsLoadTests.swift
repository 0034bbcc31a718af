import Observability
import SluiceCore
import Testing

@testable import Settings

private let home = ["HOME": "/home/u"]

/// Files that only tests have.
private func reader(_ files: [String: String]) -> (String) throws -> [UInt8] {
    { path in
        guard let text = files[path] else { throw SettingsFiles.Failure(description: "no such file or directory") }
        return Array(text.utf8)
    }
}

private func load(
    _ arguments: [String] = [], _ environment: [String: String] = [:], yaml: String? = nil,
    files: [String: String] = [:]
) throws(SettingsError) -> LoadedSettings {
    var files = files
    files["s.yaml"] = yaml
    return try Settings.load(
        arguments: yaml == nil ? arguments : ["--config", "s.yaml"] + arguments,
        environment: environment.merging(home) { own, _ in own }, readFile: reader(files))
}

private func problems(
    _ arguments: [String] = [], _ environment: [String: String] = [:], yaml: String? = nil,
    files: [String: String] = [:]
) -> [String] {
    do {
        _ = try load(arguments, environment, yaml: yaml, files: files)
        return []
    } catch {
        return error.problems.map { "\($0.code) \($0)" }
    }
}

@Suite struct SettingsLoadTests {
    @Test func nothingGivenMeansDefaults() throws {
        let loaded = try load()
        #expect(loaded.settings.dataDirectory == "/home/u/.local/share/sluice")
        #expect(loaded.settings.listen.description == "127.0.0.1:8080")
        #expect(loaded.settings.transfer.minimumDeliverInterval == .seconds(30))
        #expect(loaded.sources.isEmpty && !loaded.isCheck && !loaded.isHelp && loaded.file == nil)
    }

    @Test(arguments: [
        (["XDG_DATA_HOME": "/data"], "/data/sluice"),
        (["XDG_DATA_HOME": ""], "/home/u/.local/share/sluice"),
        (["XDG_DATA_HOME": "relative"], "/home/u/.local/share/sluice"),
        (["SLUICE_DATA_DIR": "/d", "XDG_DATA_HOME": "/data"], "/d"),
    ])
    func dataDirectoryFollowsTheBaseDirectories(environment: [String: String], path: String) throws {
        #expect(try load([], environment).settings.dataDirectory == path)
    }

    @Test func withoutAHomeADataDirectoryIsNeeded() throws {
        let error = #expect(throws: SettingsError.self) { try Settings.load(arguments: [], environment: [:]) }
        #expect(error?.problems.map(\.code) == [.missingValue])
        let loaded = try Settings.load(arguments: ["--data-dir", "d"], environment: [:])
        #expect(loaded.settings.dataDirectory == "d")
    }

    @Test func flagsWinOverVariablesAndVariablesOverTheFile() throws {
        let yaml = "listen: 127.0.0.1:1\nregion: file\ntransfer:\n  minimum_deliver_interval: 1s\n"
        let loaded = try load(
            ["--listen", "127.0.0.1:3"], ["SLUICE_LISTEN": "127.0.0.1:2", "SLUICE_REGION": "variable"], yaml: yaml)
        #expect(loaded.settings.listen.port == 3)
        #expect(loaded.settings.region == "variable")
        #expect(loaded.settings.transfer.minimumDeliverInterval == .seconds(1))
        #expect(loaded.sources[SettingName("listen")] == "--listen")
        #expect(loaded.sources[SettingName("region")] == "SLUICE_REGION")
        #expect(loaded.sources[SettingName("transfer.minimum_deliver_interval")] == "s.yaml:4")
    }

    @Test func theReportNamesWhatWasGivenAndWhere() throws {
        let yaml = "transfer:\n  minimum_deliver_interval: 90\ndestinations:\n  - {type: obs, folder: /b}\n"
        let loaded = try load(["--log-level", "debug"], ["SLUICE_STORAGE_TAIL_CACHE": "2048KiB"], yaml: yaml)
        #expect(
            loaded.report == [
                "log.level: debug (--log-level)", "storage.tail_cache: 2MiB (SLUICE_STORAGE_TAIL_CACHE)",
                "transfer.minimum_deliver_interval: 1m30s (s.yaml:2)", "destinations: 1 (s.yaml)",
            ])
    }

    @Test func aBadValueIsAnErrorEvenWhereItIsOverruled() {
        #expect(
            problems(["--listen", "127.0.0.1:3"], ["SLUICE_LISTEN": "x"])
                == [
                    "badValue SLUICE_LISTEN: \"x\" is not allowed for listen: HOST:PORT, IPv6 in brackets; port 0 takes a free one"
                ])
    }

    @Test func theFileMayBeNamedByAVariable() throws {
        let loaded = try Settings.load(
            arguments: [], environment: ["SLUICE_CONFIG": "f", "HOME": "/h"], readFile: reader(["f": "region: r2"]))
        #expect(loaded.settings.region == "r2" && loaded.file == "f")
    }

    @Test(arguments: ["", "# nothing\n", "tls:\nlog:\n", "~"])
    func anEmptyFileIsFine(yaml: String) throws {
        #expect(try load(yaml: yaml).sources.isEmpty)
    }

    @Test(arguments: [
        (["--streams-throttling"], true), (["--streams-throttling", "true"], true),
        (["--streams-throttling", "off"], false), (["--streams-throttling=false"], false),
        (["--streams-throttling", "--check"], true), (["--streams-throttling=YES"], true),
    ])
    func switchesMayStandAlone(arguments: [String], expected: Bool) throws {
        #expect(try load(arguments).settings.streams.isThrottling == expected)
    }

    @Test func checkAndHelpAreSeen() throws {
        #expect(try load(["--check"]).isCheck)
        #expect(try load(["--help", "--nonsense"]).isHelp)
        #expect(try load(["-h"], ["SLUICE_LISTEN": "x"]).isHelp)
    }

    @Test func listsAreSequencesOrCommas() throws {
        let hosts = ["a.example:80", "b.example"]
        #expect(
            try load(["--auth-alternative-hosts", "a.example:80,b.example"]).settings.auth.alternativeHosts == hosts)
        let yaml = "auth:\n  alternative_hosts: [a.example:80, b.example]\n"
        #expect(try load(yaml: yaml).settings.auth.alternativeHosts == hosts)
        #expect(try load(yaml: "auth: {alternative_hosts: []}").settings.auth.alternativeHosts == [])
    }

    @Test func certificatesAreReadAtOnce() throws {
        let arguments = ["--tls-certificate-file", "c.pem", "--tls-key-file", "k.pem"]
        #expect(try load(arguments, files: ["c.pem": "c", "k.pem": "k"]).settings.tls.keyFile == "k.pem")
        #expect(
            problems(arguments, files: ["c.pem": "c"])
                == ["unreadableFile --tls-key-file: k.pem cannot be read: no such file or directory"])
    }

    @Test func realFilesAreReadAndBounded() throws {
        #expect(throws: SettingsFiles.Failure.self) { try SettingsFiles.contents(of: "/nowhere/at/all") }
        #expect(throws: SettingsFiles.Failure.self) { try SettingsFiles.contents(of: "/dev/zero") }
        #expect(throws: SettingsFiles.Failure.self) { try SettingsFiles.contents(of: "/") }
        #expect(try SettingsFiles.contents(of: "/dev/null").isEmpty)
    }

    /// Every setting takes its own default in each of the three places, and refuses nonsense in each.
    @Test(arguments: SettingsSchema.settings.map(\.name.text))
    func eachSettingHasItsThreeNames(name: String) throws {
        let setting = try #require(SettingsSchema.setting(name))
        let parts = name.split(separator: ".")
        // Values that need another setting or a file are left out of the round trip by their default "none".
        var text = setting.print(Settings())
        if name == "data_dir" { text = "/d" }
        let yaml = parts.count == 1 ? "\(parts[0]): \"\(text)\"" : "\(parts[0]):\n  \(parts[1]): \"\(text)\""
        for loaded in [
            try load([setting.name.flag + "=" + text]), try load([], [setting.name.variable: text]),
            try load(yaml: yaml),
        ] {
            #expect(setting.print(loaded.settings) == text)
            #expect(loaded.sources.count == 1)
        }
        let nonsense = "\u{1}?"
        guard !["data_dir", "tls.certificate_file", "tls.key_file"].contains(name) else { return }
        #expect(problems([setting.name.flag + "=" + nonsense]).first?.hasPrefix("badValue") == true)
        #expect(problems([], [setting.name.variable: nonsense]).first?.hasPrefix("badValue") == true)
    }

    @Test func namesAreDistinctInEachSpelling() {
        let names = SettingsSchema.settings.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(names.map(\.flag)).count == names.count)
        #expect(Set(names.map(\.variable)).count == names.count)
        #expect(names.allSatisfy { $0.text.split(separator: ".").count <= 2 })
    }

    @Test func oneNameHasThreeSpellings() {
        let name = SettingName("transfer.minimum_deliver_interval")
        #expect(name.flag == "--transfer-minimum-deliver-interval")
        #expect(name.variable == "SLUICE_TRANSFER_MINIMUM_DELIVER_INTERVAL")
    }
}

@Suite struct SettingsRefusalTests {
    @Test(arguments: [
        (["--lisen", "127.0.0.1:1"], "unknownName --lisen: there is no such setting; did you mean --listen?"),
        (["--lisen=127.0.0.1:1"], "unknownName --lisen: there is no such setting; did you mean --listen?"),
        (
            ["--transfer-minimum-deliver-intervall=1s"],
            "unknownName --transfer-minimum-deliver-intervall: there is no such setting; did you mean --transfer-minimum-deliver-interval?"
        ),
        (["--chek"], "unknownName --chek: there is no such setting; did you mean --check?"),
        (["--listen"], "missingValue --listen: needs a value"),
        (["--listen", "--check"], "missingValue --listen: needs a value"),
        (["--config"], "missingValue --config: needs a value"),
        (["extra"], "unknownName extra: unexpected argument; settings begin with --"),
        (["--region", "a", "--region=b"], "duplicate --region: is given twice"),
        (["--region="], "badValue --region: \"\" is not allowed for region: 1 to 64 letters, digits, _ and -"),
        (["--config", "absent"], "unreadableFile absent: cannot be read: no such file or directory"),
        (
            ["--streams-throttling=maybe"],
            "badValue --streams-throttling: \"maybe\" is not allowed for streams.throttling: true or false"
        ),
        (["--streams-throttling", "maybe"], "unknownName maybe: unexpected argument; settings begin with --"),
    ])
    func flags(arguments: [String], problem: String) {
        #expect(problems(arguments) == [problem])
    }

    @Test(arguments: [
        ("SLUICE_LISEN", "x", "unknownName SLUICE_LISEN: there is no such setting; did you mean SLUICE_LISTEN?"),
        (
            "SLUICE_HTTP_MAX_BODY", "1",
            "badValue SLUICE_HTTP_MAX_BODY: \"1\" is not allowed for http.max_body: 1MiB to 256MiB"
        ),
        ("SLUICE_CONFIG", "absent", "unreadableFile absent: cannot be read: no such file or directory"),
    ])
    func variables(variable: String, text: String, problem: String) {
        #expect(problems([], [variable: text]) == [problem])
    }

    @Test(arguments: ["SLUICE_ENDPOINT", "SLUICE_TEST_ANYTHING", "SLUICES", "OTHER"])
    func otherVariablesAreLeftAlone(variable: String) {
        #expect(problems([], [variable: "x"]).isEmpty)
    }

    @Test(arguments: [
        ("lisen: 1", "unknownName s.yaml:1: lisen: there is no such setting; did you mean listen?"),
        (
            "\nstreems:\n  throttling: on",
            "unknownName s.yaml:2: streems: there is no such setting; did you mean streams?"
        ),
        (
            "streams:\n  throtling: on",
            "unknownName s.yaml:2: streams.throtling: there is no such setting; did you mean streams.throttling?"
        ),
        (
            "streams:\n  minimum_deliver_interval: 1s",
            "unknownName s.yaml:2: streams.minimum_deliver_interval: there is no such setting; did you mean transfer.minimum_deliver_interval?"
        ),
        (
            "transfer.minimum_deliver_interval: 1s",
            "unknownName s.yaml:1: transfer.minimum_deliver_interval is written as nested keys: transfer: on one line, the rest below it"
        ),
        ("log: debug", "syntax s.yaml:1: log is a group: its settings stand below it"),
        (
            "log:\n  level: loud",
            "badValue s.yaml:2: \"loud\" is not allowed for log.level: trace, debug, info, notice, warning, error, critical"
        ),
        (
            "log:\n  level: [info]",
            "badValue s.yaml:2: log.level takes one value: trace, debug, info, notice, warning, error, critical"
        ),
        ("listen:\n", "missingValue s.yaml:1: listen has no value"),
        (
            "listen: ''\n",
            "badValue s.yaml:1: \"\" is not allowed for listen: HOST:PORT, IPv6 in brackets; port 0 takes a free one"
        ),
        ("region: a\nregion: b\n", "duplicate s.yaml:2: the key region is given twice, first on line 1"),
        ("- a\n", "syntax s.yaml:1: a settings file consists of `key: value` lines"),
        ("just words\n", "syntax s.yaml:1: a settings file consists of `key: value` lines"),
        (
            "auth: {alternative_hosts: [{a: b}]}",
            "badValue s.yaml:1: auth.alternative_hosts takes one value: HOST or HOST:PORT, several with commas"
        ),
        ("a: [", "syntax s.yaml:2: did not find expected node content"),
    ])
    func files(yaml: String, problem: String) {
        #expect(problems(yaml: yaml) == [problem])
    }

    @Test(arguments: [
        (["--tls-certificate-file=c"], "contradiction --tls-certificate-file: tls.key_file is missing"),
        (["--tls-key-file=c"], "contradiction --tls-key-file: tls.certificate_file is missing"),
        (
            ["--listen=example.org:80"],
            "contradiction --listen: example.org is no address; give one such as 127.0.0.1, or 0.0.0.0 for all of this machine"
        ),
        (
            ["--metrics-listen=300.1.1.1:80"],
            "contradiction --metrics-listen: 300.1.1.1 is no address; give one such as 127.0.0.1, or 0.0.0.0 for all of this machine"
        ),
        (
            ["--metrics-listen=127.0.0.1:8080"],
            "contradiction --metrics-listen: is the same as listen; leave it out to serve both on one listener"
        ),
        (
            ["--http-max-body=200MiB", "--http-body-memory=100MiB"],
            "contradiction --http-body-memory: is smaller than http.max_body, so the largest allowed body would never fit"
        ),
        (
            ["--http-max-connections-per-address=9999"],
            "contradiction --http-max-connections-per-address: is larger than http.max_connections"
        ),
        (
            ["--storage-max-bytes=100MiB"],
            "contradiction --storage-max-bytes: has to be at least twice storage.segment_size"
        ),
        (
            ["--streams-default-fetch-size=2MiB", "--streams-max-fetch-size=1MiB"],
            "contradiction --streams-default-fetch-size: is larger than streams.max_fetch_size"
        ),
        (
            ["--transfer-memory-per-task=1GiB"],
            "contradiction --transfer-memory-per-task: is larger than transfer.memory_total"
        ),
        (
            ["--transfer-retry-pause=10s", "--transfer-retry-pause-max=9s"],
            "contradiction --transfer-retry-pause: is larger than transfer.retry_pause_max"
        ),
    ])
    func contradictions(arguments: [String], problem: String) {
        #expect(problems(arguments, files: ["c": ""]) == [problem])
    }

    @Test func allProblemsComeAtOnceAndInOrder() {
        let found = problems(
            ["--listen=x", "--nope"], ["SLUICE_REGION": "?", "SLUICE_NOPE": ""], yaml: "log:\n  format: xml\nfoo: 1\n")
        #expect(found.count == 6)
        #expect(Set(found.map { String($0.prefix { $0 != " " }) }) == ["badValue", "unknownName"])
    }
}

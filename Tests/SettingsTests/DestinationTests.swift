import Testing

@testable import Settings

private func load(_ yaml: String, files: [String: String] = [:]) throws(SettingsError) -> Settings {
    try Settings.load(arguments: ["--config=s.yaml"], environment: ["HOME": "/h"]) { path in
        let text = path == "s.yaml" ? yaml : files[path]
        guard let text else { throw SettingsFiles.Failure(description: "no such file") }
        return Array(text.utf8)
    }.settings
}

@Suite struct DestinationTests {
    @Test func bothKindsAreRead() throws {
        let yaml = """
            destinations:
              - type: obs
                agency: archive
                project: 0123
                endpoint: https://obs.example.com:9000/
                region: eu
                access_key: AK
                secret_key_file: key
                addressing: virtual
                signature: obs
                ca_file: ca.pem
              - {type: obs, endpoint: "http://[::1]:9000", access_key: a, secret_key: b, agency: "*"}
              - {type: obs, folder: /srv/buckets}
            """
        let settings = try load(yaml, files: ["key": "  SECRET\n", "ca.pem": "x"])
        #expect(
            settings.destinations == [
                DestinationSettings(
                    agency: "archive", project: "0123",
                    place: .endpoint(
                        ObjectEndpointSettings(
                            endpoint: try #require(ServiceURL("https://obs.example.com:9000")), region: "eu",
                            accessKey: "AK", secretKey: Secret("SECRET"), addressing: .virtual, signature: .obs,
                            caFile: "ca.pem"))),
                DestinationSettings(
                    place: .endpoint(
                        ObjectEndpointSettings(
                            endpoint: try #require(ServiceURL("http://[::1]:9000")), region: nil, accessKey: "a",
                            secretKey: Secret("b"), addressing: .path, signature: .v4, caFile: nil))),
                DestinationSettings(place: .folder("/srv/buckets")),
            ])
        #expect(!String(describing: settings).contains("SECRET"))
    }

    @Test func theFirstThatFitsWins() throws {
        let settings = try load(
            """
            destinations:
              - {type: obs, agency: a, project: p, folder: /1}
              - {type: obs, agency: a, folder: /2}
              - {type: obs, project: p, folder: /3}
            """)
        let rows = [("a", "p", "/1"), ("a", "q", "/2"), ("b", "p", "/3")]
        for (agency, project, folder) in rows {
            #expect(settings.destination(agency: agency, project: project)?.place == .folder(folder))
        }
        #expect(settings.destination(agency: "b", project: "q") == nil)
    }

    @Test(arguments: ["destinations:\n", "destinations: []\n"])
    func noneIsFine(yaml: String) throws {
        #expect(try load(yaml).destinations.isEmpty)
    }

    @Test(arguments: [
        ("destinations: 1", "syntax s.yaml:1: destinations is a list"),
        ("destinations: {type: obs}", "syntax s.yaml:1: destinations is a list"),
        ("destinations:\n  - obs", "syntax s.yaml:2: destinations: a destination consists of `key: value` lines"),
        ("destinations:\n  - {folder: /a}", "missingValue s.yaml:2: destinations: a destination needs a type: obs"),
        (
            "destinations:\n  - {type: s3, folder: /a}",
            "badValue s.yaml:2: destinations: \"s3\" is no type of destination: obs"
        ),
        (
            "destinations:\n  - {type: obs}",
            "missingValue s.yaml:2: destinations: a destination needs a folder or an endpoint"
        ),
        (
            "destinations:\n  - type: obs\n    foldr: /a",
            "unknownName s.yaml:3: foldr: there is no such setting; did you mean folder?"
        ),
        ("destinations:\n  - type: obs\n    folder:", "missingValue s.yaml:3: destinations: folder needs a text"),
        ("destinations:\n  - type: obs\n    folder: [a]", "missingValue s.yaml:3: destinations: folder needs a text"),
        (
            "destinations:\n  - type: obs\n    folder: /a\n    endpoint: http://h",
            "contradiction s.yaml:4: destinations: endpoint does not go with folder"
        ),
        (
            "destinations:\n  - type: obs\n    folder: /a\n    region: r",
            "contradiction s.yaml:4: destinations: region does not go with folder"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: ftp://h, access_key: a, secret_key: b}",
            "badValue s.yaml:2: destinations: \"ftp://h\" is no endpoint: http(s)://HOST[:PORT]"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h/path, access_key: a, secret_key: b}",
            "badValue s.yaml:2: destinations: \"http://h/path\" is no endpoint: http(s)://HOST[:PORT]"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, secret_key: b}",
            "missingValue s.yaml:2: destinations: an endpoint needs an access_key"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a}",
            "missingValue s.yaml:2: destinations: an endpoint needs a secret_key or a secret_key_file"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key: b, secret_key_file: key}",
            "contradiction s.yaml:2: destinations: secret_key and secret_key_file exclude each other"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key_file: absent}",
            "unreadableFile s.yaml:2: destinations: absent cannot be read: no such file"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key_file: words}",
            "badValue s.yaml:2: destinations: words has to hold a secret key and nothing else"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key_file: empty}",
            "badValue s.yaml:2: destinations: empty has to hold a secret key and nothing else"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key: b, addressing: dns}",
            "badValue s.yaml:2: destinations: \"dns\" is not allowed for addressing: path or virtual"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key: b, signature: v2}",
            "badValue s.yaml:2: destinations: \"v2\" is not allowed for signature: v4 or obs"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: http://h, access_key: a, secret_key: b, ca_file: key}",
            "contradiction s.yaml:2: destinations: ca_file goes with https only"
        ),
        (
            "destinations:\n  - {type: obs, endpoint: https://h, access_key: a, secret_key: b, ca_file: absent}",
            "unreadableFile s.yaml:2: destinations: absent cannot be read: no such file"
        ),
    ])
    func badRows(yaml: String, problem: String) {
        do {
            _ = try load(yaml, files: ["key": "k", "words": "two words", "empty": " \n"])
            Issue.record("accepted")
        } catch {
            #expect(error.problems.map { "\($0.code) \($0)" } == [problem])
        }
    }

    static let endpoint = ["endpoint": "http://h", "access_key": "a", "secret_key": "b"]

    @Test func flagsStandForMembers() throws {
        let given = try DestinationSettings(
            flags: [
                "endpoint": "https://h:1", "access_key": "a", "secret_key_file": "key", "agency": "*", "project": "p",
                "ca_file": "ca",
            ]
        ) { path in Array("\(path)-content".utf8) }
        #expect(
            given
                == DestinationSettings(
                    project: "p",
                    place: .endpoint(
                        ObjectEndpointSettings(
                            endpoint: try #require(ServiceURL("https://h:1")), region: nil, accessKey: "a",
                            secretKey: Secret("key-content"), addressing: .path, signature: .v4, caFile: "ca"))))
        #expect(try DestinationSettings(flags: ["folder": "/a"]).place == .folder("/a"))
    }

    @Test(arguments: [
        ([:], ["--endpoint: a destination needs a --folder or an --endpoint"]),
        (["folder": ""], ["--folder: needs a text"]),
        (["folder": "/a", "access_key": "x"], ["--access-key: --access-key does not go with --folder"]),
        (
            ["endpoint": "h", "access_key": "a", "secret_key": "b"],
            ["--endpoint: \"h\" is no endpoint: http(s)://HOST[:PORT]"]
        ),
        (
            ["endpoint": "http://h"],
            [
                "--access-key: an endpoint needs an --access-key",
                "--secret-key: an endpoint needs a --secret-key or a --secret-key-file",
            ]
        ),
        (
            endpoint.merging(["secret_key_file": "f"]) { $1 },
            ["--secret-key-file: --secret-key and --secret-key-file exclude each other"]
        ),
        (
            ["endpoint": "http://h", "access_key": "a", "secret_key_file": "absent"],
            ["--secret-key-file: absent cannot be read: no such file"]
        ),
        (
            endpoint.merging(["addressing": "dns"]) { $1 },
            ["--addressing: \"dns\" is not allowed for --addressing: path or virtual"]
        ),
        (
            endpoint.merging(["signature": "v2"]) { $1 },
            ["--signature: \"v2\" is not allowed for --signature: v4 or obs"]
        ),
        (
            endpoint.merging(["ca_file": "absent"]) { $1 },
            ["--ca-file: --ca-file goes with https only", "--ca-file: absent cannot be read: no such file"]
        ),
    ])
    func badFlagsAreNamed(flags: [String: String], problems: [String]) {
        do {
            _ = try DestinationSettings(flags: flags) { _ in throw SettingsFiles.Failure(description: "no such file") }
            Issue.record("accepted")
        } catch {
            #expect(error.problems.map(\.description) == problems)
        }
    }
}

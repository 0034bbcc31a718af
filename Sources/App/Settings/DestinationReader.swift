internal import YAML

/// Reads one element of `destinations:`.
struct DestinationReader {
    /// The members and what they are for, for the reference page.
    static let members: [(name: String, explanation: String)] = [
        ("type", "`obs`. Required."),
        ("agency", "The task's agency that this is for, or `*` for every one. Default `*`."),
        ("project", "The project's id that this is for, or `*` for every one. Default `*`."),
        ("folder", "A local folder whose folders are the buckets; instead of `endpoint` and all below."),
        ("endpoint", "`http://HOST[:PORT]` or `https://HOST[:PORT]` of a store that speaks S3 or OBS."),
        ("region", "The store's region. Default: the server's own."),
        ("access_key", "Required with `endpoint`."),
        ("secret_key", "This or `secret_key_file` is required with `endpoint`."),
        ("secret_key_file", "A file that holds the secret key and nothing else but a line end."),
        ("addressing", "`path` (`https://HOST/BUCKET/KEY`) or `virtual` (`https://BUCKET.HOST/KEY`). Default `path`."),
        ("signature", "`v4` (S3) or `obs`. Default `v4`."),
        ("ca_file", "A PEM file of authorities to trust instead of the system's; for `https` only."),
    ]
    private static let ofEndpoint = [
        "region", "access_key", "secret_key", "secret_key_file", "addressing", "signature", "ca_file",
    ]

    /// How members are named and where problems are said to be.
    private enum Source {
        case file(String)
        case flags
    }

    private let source: Source
    private let readFile: (String) throws -> [UInt8]
    private(set) var problems: [SettingsError.Problem] = []
    private var texts: [String: (text: String, place: String)] = [:]
    /// Where the destination begins, in a file.
    private var beginning = ""

    init(file: String, readFile: @escaping (String) throws -> [UInt8]) {
        source = .file(file)
        self.readFile = readFile
    }

    /// Reads the flags of a command, which stand for the members of the same names: `--secret-key-file` for
    /// `secret_key_file`.
    init(readFile: @escaping (String) throws -> [UInt8]) {
        source = .flags
        self.readFile = readFile
    }

    /// Nil, and problems, when something is wrong with it.
    mutating func read(_ node: YAMLNode) -> DestinationSettings? {
        beginning = place(line: node.line)
        guard case .mapping(let members) = node.content else {
            report(.syntax, "a destination consists of `key: value` lines")
            return nil
        }
        for member in members { take(member) }
        guard problems.isEmpty else { return nil }
        guard let type = texts["type"] else {
            report(.missingValue, "a destination needs a type: obs")
            return nil
        }
        if type.text != "obs" { report(.badValue, "\"\(type.text)\" is no type of destination: obs", of: "type") }
        return destination()
    }

    /// The same for the members of one destination by their names, without `type`.
    mutating func read(_ members: [String: String]) -> DestinationSettings? {
        for (name, text) in members.sorted(by: { $0.key < $1.key }) {
            if text.isEmpty {
                report(.missingValue, "needs a text", of: name)
            } else {
                texts[name] = (text, word(name))
            }
        }
        return problems.isEmpty ? destination() : nil
    }

    private mutating func destination() -> DestinationSettings? {
        let place = texts["folder"] == nil ? endpoint() : folder()
        guard problems.isEmpty, let place else { return nil }
        return DestinationSettings(agency: pattern("agency"), project: pattern("project"), place: place)
    }

    private mutating func take(_ member: YAMLMember) {
        guard Self.members.contains(where: { $0.name == member.key }) else {
            problems.append(
                .unknown(member.key, at: place(line: member.line), known: Self.members.map(\.name)))
            return
        }
        texts[member.key] = ("", place(line: member.line))
        guard case .scalar(let text) = member.value.content, !text.isEmpty, !member.value.isNull else {
            report(.missingValue, "\(member.key) needs a text", of: member.key)
            return
        }
        texts[member.key]?.text = text
    }

    private func pattern(_ name: String) -> String? {
        texts[name].flatMap { $0.text == "*" ? nil : $0.text }
    }

    private mutating func folder() -> DestinationSettings.Place? {
        for name in ["endpoint"] + Self.ofEndpoint where texts[name] != nil {
            report(.contradiction, "\(word(name)) does not go with \(word("folder"))", of: name)
        }
        return texts["folder"].map { .folder($0.text) }
    }

    private mutating func endpoint() -> DestinationSettings.Place? {
        guard let endpoint = texts["endpoint"] else {
            report(
                .missingValue, "a destination needs a \(word("folder")) or an \(word("endpoint"))", of: "endpoint")
            return nil
        }
        let url = ServiceURL(endpoint.text)
        if url == nil {
            report(.badValue, "\"\(endpoint.text)\" is no endpoint: http(s)://HOST[:PORT]", of: "endpoint")
        }
        if texts["access_key"] == nil {
            report(.missingValue, "an endpoint needs an \(word("access_key"))", of: "access_key")
        }
        let addressing = choice("addressing", default: ObjectEndpointSettings.Addressing.path)
        let signature = choice("signature", default: ObjectEndpointSettings.Signature.v4)
        let secret = secretKey()
        if texts["ca_file"] != nil {
            if let url, !url.isSecure {
                report(.contradiction, "\(word("ca_file")) goes with https only", of: "ca_file")
            }
            _ = contents(of: "ca_file")
        }
        guard let url, let access = texts["access_key"], let secret, let addressing, let signature else { return nil }
        return .endpoint(
            ObjectEndpointSettings(
                endpoint: url, region: texts["region"]?.text, accessKey: access.text, secretKey: secret,
                addressing: addressing, signature: signature, caFile: texts["ca_file"]?.text))
    }

    private mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, default standard: Choice
    ) -> Choice? {
        guard let given = texts[name] else { return standard }
        let choice = Choice(rawValue: given.text)
        if choice == nil {
            let words = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            report(.badValue, "\"\(given.text)\" is not allowed for \(word(name)): \(words)", of: name)
        }
        return choice
    }

    private mutating func secretKey() -> Secret? {
        switch (texts["secret_key"], texts["secret_key_file"]) {
        case (let key?, nil): return Secret(key.text)
        case (nil, let named?):
            guard let bytes = contents(of: "secret_key_file") else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            let key = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
            guard !key.isEmpty, !key.contains(where: \.isWhitespace) else {
                report(
                    .badValue, "\(named.text) has to hold a secret key and nothing else", of: "secret_key_file")
                return nil
            }
            return Secret(String(key))
        case (nil, nil):
            report(
                .missingValue, "an endpoint needs a \(word("secret_key")) or a \(word("secret_key_file"))",
                of: "secret_key")
            return nil
        case (_?, _?):
            report(
                .contradiction, "\(word("secret_key")) and \(word("secret_key_file")) exclude each other",
                of: "secret_key_file")
            return nil
        }
    }

    private mutating func contents(of name: String) -> [UInt8]? {
        guard let path = texts[name]?.text else { return nil }
        do {
            return try readFile(path)
        } catch {
            report(.unreadableFile, "\(path) cannot be read: \(error)", of: name)
            return nil
        }
    }

    // MARK: Names and places

    private func word(_ member: String) -> String {
        switch source {
        case .file: member
        case .flags: "--" + String(member.map { $0 == "_" ? "-" : $0 })
        }
    }

    private func place(line: Int) -> String {
        switch source {
        case .file(let file): "\(file):\(line)"
        case .flags: ""
        }
    }

    private mutating func report(_ code: SettingsError.Code, _ message: String, of member: String? = nil) {
        switch source {
        case .file:
            let place = member.flatMap { texts[$0]?.place } ?? beginning
            problems.append(.init(code: code, place: place, message: "destinations: " + message))
        case .flags:
            problems.append(.init(code: code, place: member.map(word) ?? "", message: message))
        }
    }
}

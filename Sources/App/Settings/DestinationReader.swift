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

    private let file: String
    private let readFile: (String) throws -> [UInt8]
    private(set) var problems: [SettingsError.Problem] = []
    private var texts: [String: (text: String, line: Int)] = [:]
    private var line = 0

    init(file: String, readFile: @escaping (String) throws -> [UInt8]) {
        self.file = file
        self.readFile = readFile
    }

    /// Nil, and problems, when something is wrong with it.
    mutating func read(_ node: YAMLNode) -> DestinationSettings? {
        line = node.line
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
        if type.text != "obs" { report(.badValue, "\"\(type.text)\" is no type of destination: obs", line: type.line) }
        let place = texts["folder"] == nil ? endpoint() : folder()
        guard problems.isEmpty, let place else { return nil }
        return DestinationSettings(agency: pattern("agency"), project: pattern("project"), place: place)
    }

    private mutating func take(_ member: YAMLMember) {
        guard Self.members.contains(where: { $0.name == member.key }) else {
            problems.append(
                .unknown(member.key, at: "\(file):\(member.line)", known: Self.members.map(\.name)))
            return
        }
        guard case .scalar(let text) = member.value.content, !text.isEmpty, !member.value.isNull else {
            report(.missingValue, "\(member.key) needs a text", line: member.line)
            return
        }
        texts[member.key] = (text, member.line)
    }

    private func pattern(_ name: String) -> String? {
        texts[name].flatMap { $0.text == "*" ? nil : $0.text }
    }

    private mutating func folder() -> DestinationSettings.Place? {
        for name in ["endpoint"] + Self.ofEndpoint {
            if let other = texts[name] { report(.contradiction, "\(name) does not go with folder", line: other.line) }
        }
        return texts["folder"].map { .folder($0.text) }
    }

    private mutating func endpoint() -> DestinationSettings.Place? {
        guard let endpoint = texts["endpoint"] else {
            report(.missingValue, "a destination needs a folder or an endpoint")
            return nil
        }
        let url = ServiceURL(endpoint.text)
        if url == nil {
            report(.badValue, "\"\(endpoint.text)\" is no endpoint: http(s)://HOST[:PORT]", line: endpoint.line)
        }
        if texts["access_key"] == nil { report(.missingValue, "an endpoint needs an access_key") }
        let addressing = choice("addressing", default: ObjectEndpointSettings.Addressing.path)
        let signature = choice("signature", default: ObjectEndpointSettings.Signature.v4)
        let secret = secretKey()
        if let authorities = texts["ca_file"] {
            if let url, !url.isSecure { report(.contradiction, "ca_file goes with https only", line: authorities.line) }
            _ = contents(of: authorities)
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
            report(.badValue, "\"\(given.text)\" is not allowed for \(name): \(words)", line: given.line)
        }
        return choice
    }

    private mutating func secretKey() -> Secret? {
        switch (texts["secret_key"], texts["secret_key_file"]) {
        case (let key?, nil): return Secret(key.text)
        case (nil, let named?):
            guard let bytes = contents(of: named) else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            let key = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
            guard !key.isEmpty, !key.contains(where: \.isWhitespace) else {
                report(.badValue, "\(named.text) has to hold a secret key and nothing else", line: named.line)
                return nil
            }
            return Secret(String(key))
        case (nil, nil):
            report(.missingValue, "an endpoint needs a secret_key or a secret_key_file")
            return nil
        case (_?, let named?):
            report(.contradiction, "secret_key and secret_key_file exclude each other", line: named.line)
            return nil
        }
    }

    private mutating func contents(of named: (text: String, line: Int)) -> [UInt8]? {
        do {
            return try readFile(named.text)
        } catch {
            report(.unreadableFile, "\(named.text) cannot be read: \(error)", line: named.line)
            return nil
        }
    }

    private mutating func report(_ code: SettingsError.Code, _ message: String, line: Int? = nil) {
        problems.append(.init(code: code, place: "\(file):\(line ?? self.line)", message: "destinations: " + message))
    }
}

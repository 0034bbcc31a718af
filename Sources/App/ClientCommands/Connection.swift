internal import FoundationEssentials
internal import SluiceCore
internal import Terminal

/// How a command finds its server and who it is there.
struct Connection: Sendable {
    enum Identity: Sendable, Equatable {
        case accessKey(String, secretKey: String)
        case token(String)
    }

    /// What a first start writes into `credentials.json`.
    struct LocalCredentials: Decodable, Sendable {
        var endpoint: String?
        var projectID: String?
        var projectName: String?
        var domainName: String?
        var userName: String?
        var password: String?
        var accessKey: String?
        var secretKey: String?

        enum CodingKeys: String, CodingKey {
            case endpoint, password
            case projectID = "project_id"
            case projectName = "project_name"
            case domainName = "domain_name"
            case userName = "user_name"
            case accessKey = "access_key"
            case secretKey = "secret_key"
        }
    }

    let endpoint: Endpoint
    let identity: Identity
    /// Nil when it has to be asked for.
    let project: String?
    /// The local server's file, when the identity comes from it.
    let local: LocalCredentials?
    let certificateAuthorityFile: String?
    let skipsCertificateVerification: Bool

    private static let section = "Connection options"

    /// The options that every command of this module takes.
    static let parameters: [Parameter] = [
        .option(
            "endpoint", value: "url", help: "The server, otherwise SLUICE_ENDPOINT or the local server.",
            section: section),
        .option(
            "project", value: "id",
            help: "The project, otherwise SLUICE_PROJECT_ID, HUAWEICLOUD_SDK_PROJECT_ID or the only one of the user.",
            section: section),
        .option(
            "data-dir", value: "folder",
            help:
                "Where the local server keeps credentials.json, otherwise SLUICE_DATA_DIR or the user's data folder. Used when HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or SLUICE_TOKEN, are not set.",
            completion: .directory, section: section),
        .option(
            "ca-file", value: "file", help: "Certificates to trust (PEM), otherwise SLUICE_CA_FILE or the system's.",
            completion: .file, section: section),
        .flag("insecure", help: "Accept any certificate.", section: section),
    ]

    /// Looks at options first, then at the environment, then at the local server's file.
    static func resolve(_ call: CommandCall) async throws -> Connection {
        let environment = call.console.environment.filter { !$0.value.isEmpty }
        let fromEnvironment = call.value("data-dir") == nil ? environmentIdentity(environment) : nil
        var local: LocalCredentials?
        let path = credentialsPath(call, environment)
        if fromEnvironment == nil || (call.value("endpoint") ?? environment["SLUICE_ENDPOINT"]) == nil {
            local = try await read(path, isRequired: call.value("data-dir") != nil)
        }
        let named = call.value("endpoint") ?? environment["SLUICE_ENDPOINT"]
        if named == nil, local?.endpoint?.isEmpty == true {
            throw CommandError(
                exitCode: .unavailable, "The local server has not been ready yet.",
                hint: "Wait until 'sluice serve' says that it is.")
        }
        guard let endpoint = named ?? local?.endpoint else {
            throw CommandError.usage(
                "No server is known: there is no '\(path)'.",
                hint: "Start one with 'sluice serve', or name it with --endpoint or SLUICE_ENDPOINT.")
        }
        var identity = fromEnvironment
        if identity == nil, let key = local?.accessKey, let secret = local?.secretKey {
            identity = .accessKey(key, secretKey: secret)
        }
        guard let identity else {
            throw CommandError.usage(
                "No credentials are known: there is no '\(path)'.",
                hint: "Set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or name the server's folder with --data-dir.")
        }
        let isLocal = fromEnvironment == nil
        return Connection(
            endpoint: try Endpoint(endpoint), identity: identity,
            project: call.value("project") ?? environment["SLUICE_PROJECT_ID"]
                ?? environment["HUAWEICLOUD_SDK_PROJECT_ID"] ?? (isLocal ? local?.projectID : nil),
            local: isLocal ? local : nil,
            certificateAuthorityFile: call.value("ca-file") ?? environment["SLUICE_CA_FILE"],
            skipsCertificateVerification: call.flag("insecure"))
    }

    private static func environmentIdentity(_ environment: [String: String]) -> Identity? {
        if let key = environment["HUAWEICLOUD_SDK_AK"], let secret = environment["HUAWEICLOUD_SDK_SK"] {
            return .accessKey(key, secretKey: secret)
        }
        return environment["SLUICE_TOKEN"].map { .token($0) }
    }

    private static func credentialsPath(_ call: CommandCall, _ environment: [String: String]) -> String {
        let folder =
            call.value("data-dir") ?? environment["SLUICE_DATA_DIR"] ?? environment["XDG_DATA_HOME"].map {
                $0 + "/sluice"
            }
            ?? (environment["HOME"] ?? "") + "/.local/share/sluice"
        return folder + "/credentials.json"
    }

    private static func read(_ path: String, isRequired: Bool) async throws -> LocalCredentials? {
        let file: InputFile
        do {
            file = try InputFile.open(path)
        } catch {
            if isRequired { throw error }
            return nil
        }
        let bytes = try await file.source.readAll(bytesMax: 64 << 10)
        do {
            return try JSONDecoder().decode(LocalCredentials.self, from: Data(bytes))
        } catch {
            throw CommandError("The file '\(path)' does not hold credentials.")
        }
    }
}

/// Where the server listens.
struct Endpoint: Sendable, Equatable {
    /// `http` or `https`.
    let scheme: String
    /// Host and port as a `Host` field names them: without the scheme's own port.
    let authority: String
    /// What stands before every path; empty or beginning with a slash.
    let basePath: String

    /// Throws a usage error when the text is not an http or https URL without query.
    init(_ text: String) throws(CommandError) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0] == "http:" || parts[0] == "https:", parts[1].isEmpty, !parts[2].isEmpty,
            !text.contains("?"), !text.contains("#"), !parts[2].contains("@"),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw CommandError.usage("The endpoint '\(text)' is not a URL like http://127.0.0.1:8080.") }
        scheme = String(parts[0].dropLast())
        let port = scheme == "http" ? ":80" : ":443"
        authority = String(parts[2].hasSuffix(port) ? parts[2].dropLast(port.count) : parts[2])
        var path = parts.count == 4 ? "/" + parts[3] : ""
        while path.hasSuffix("/") { path.removeLast() }
        basePath = path
    }

    var text: String { "\(scheme)://\(authority)\(basePath)" }
}

extension ByteSource {
    /// Everything up to the end. Throws when there is more than `bytesMax`.
    func readAll(bytesMax: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await read() {
            bytes += piece
            if bytes.count > bytesMax { throw CommandError("The input is longer than \(HumanText.bytes(bytesMax)).") }
        }
        return bytes
    }
}

import Crypto
import HTTPTypes

/// Signs as public clients do, written from the published rules apart from the product's code: from decoded names to a
/// wire request, where the verifier goes from the wire back.
struct ReferenceSigner {
    enum Client: CaseIterable {
        case v3, v3Derived, java, legacyPython, legacyPythonDerived, goClassic
    }

    var accessKey = World.accessKey
    var secret = World.secretKey
    var date = "20261121T090225Z"

    struct Message {
        var method: String
        var segments: [String]
        var parameters: [(name: String, value: String)]
        var body: [UInt8]
        var host: String
    }

    func request(_ client: Client, _ message: Message) -> HTTPRequest {
        let wirePath = "/" + message.segments.map(quote).joined(separator: "/")
        let isLegacy = client == .legacyPython || client == .legacyPythonDerived
        let wireQuery = message.parameters.map { parameter in
            isLegacy
                ? quote(parameter.name).replacing("%20", with: "+") + "="
                    + quote(parameter.value).replacing("%20", with: "+")
                : quote(parameter.name) + "=" + quote(parameter.value)
        }.joined(separator: "&")
        let pairs = message.parameters.map { (quote($0.name), quote($0.value)) }.sorted { $0 < $1 }
        let query = pairs.map { isLegacy && $0.1.isEmpty ? $0.0 : $0.0 + "=" + $0.1 }.joined(separator: "&")
        let path: String
        switch client {
        case .v3, .v3Derived, .goClassic: path = Self.endingInSlash(wirePath.replacing("%2F", with: "/"))
        case .java, .legacyPython, .legacyPythonDerived: path = wirePath.replacing("%", with: "%25") + "/"
        }
        let isQueryPayload = client == .goClassic && message.method == "POST" && message.body.isEmpty
        let payload = isQueryPayload ? Array(query.utf8) : message.body
        let host = isLegacy ? String(message.host.prefix { $0 != ":" }) : message.host
        let text = [
            message.method, path, query, "host:\(host)", "x-sdk-date:\(date)", "", "host;x-sdk-date",
            Hex.encode(Hash.sha256(payload)),
        ].joined(separator: "\n")
        let target = wirePath + (wireQuery.isEmpty ? "" : "?" + wireQuery)
        return HTTPRequest(
            method: message.method, target: target,
            headers: HTTPFields([
                ("Host", message.host), ("X-Sdk-Date", date), ("Authorization", authorization(client, text)),
            ]), body: HTTPBody(message.body), peer: "192.0.2.9")
    }

    private static func endingInSlash(_ path: String) -> String {
        path.hasSuffix("/") ? path : path + "/"
    }

    private func authorization(_ client: Client, _ text: String) -> String {
        let hash = Hex.encode(Hash.sha256(Array(text.utf8)))
        let day = String(date.prefix(8))
        let names = "SignedHeaders=host;x-sdk-date"
        let plain = Array(secret.utf8)
        func sign(_ algorithm: String, _ credential: String, _ scope: String?, _ key: [UInt8]) -> String {
            let lines = [algorithm, date] + (scope.map { [$0] } ?? []) + [hash]
            let signature = Hex.encode(HMAC.sha256(key: key, lines.joined(separator: "\n")))
            return "\(algorithm) \(credential), \(names), Signature=\(signature)"
        }
        func expanded(_ info: String) -> [UInt8] {
            let first = HMAC.sha256(key: Array(accessKey.utf8), plain)
            return Array(Hex.encode(HMAC.sha256(key: first, Array(info.utf8) + [1])).utf8)
        }
        func chained(_ secret: [UInt8], _ region: String, _ service: String) -> [UInt8] {
            [day, region, service, "sdk_request"].reduce(Array("SDK".utf8) + secret) { HMAC.sha256(key: $0, $1) }
        }
        switch client {
        case .v3:
            return sign("SDK-HMAC-SHA256", "Access=\(accessKey)", nil, plain)
        case .v3Derived:
            let scope = "\(day)/r/dis"
            return sign("V11-HMAC-SHA256", "Credential=\(accessKey)/\(scope)", scope, expanded(scope))
        case .java, .legacyPython:
            let scope = "\(day)/r/dis/sdk_request"
            return sign("SDK-HMAC-SHA256", "Credential=\(accessKey)/\(scope)", scope, chained(plain, "r", "dis"))
        case .legacyPythonDerived:
            let scope = "\(day)/r/dis/sdk_request"
            let key = chained(expanded("\(day)/r/dis"), "r", "dis")
            return sign("V11-HMAC-SHA256", "Credential=\(accessKey)/\(scope)", scope, key)
        case .goClassic:
            let scope = "\(day)///sdk_request"
            return sign("SDK-HMAC-SHA256", "Credential=\(accessKey)/\(scope)", scope, chained(plain, "", ""))
        }
    }

    private func quote(_ text: String) -> String {
        text.utf8.map { byte in
            let isUnreserved =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_.~".utf8.contains(byte)
            return isUnreserved ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }.joined()
    }
}

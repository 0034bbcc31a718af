internal import Crypto
internal import HTTPTypes

/// Signs requests as the public v3 SDKs do: `SDK-HMAC-SHA256 Access=` (spec section 5.2).
struct RequestSigner: Sendable {
    let accessKey: String
    let secretKey: String

    /// The value of `Authorization` for a request that carries exactly `headers`, `Host` and `X-Sdk-Date` among them.
    ///
    /// - Parameters:
    ///   - path: percent-encoded, as it stands on the wire.
    ///   - query: names and values, not yet encoded.
    func authorization(
        method: String, path: String, query: [(String, String)], headers: HTTPFields, body: [UInt8]
    ) -> String {
        let signed = headers.fields.map { ($0.name.lowercased(), $0.value) }.sorted { $0.0 < $1.0 }
        let names = signed.map(\.0).joined(separator: ";")
        let canonical = [
            method, path.hasSuffix("/") ? path : path + "/", Self.canonicalQuery(query),
            signed.map { "\($0.0):\($0.1)\n" }.joined(), names, Hex.encode(Hash.sha256(body)),
        ].joined(separator: "\n")
        let text = [
            "SDK-HMAC-SHA256", headers["X-Sdk-Date"] ?? "", Hex.encode(Hash.sha256(Array(canonical.utf8))),
        ].joined(separator: "\n")
        let signature = Hex.encode(HMAC.sha256(key: Array(secretKey.utf8), text))
        return "SDK-HMAC-SHA256 Access=\(accessKey), SignedHeaders=\(names), Signature=\(signature)"
    }

    /// Sorted by encoded name, then value; also the form in which the query is sent.
    static func canonicalQuery(_ query: [(String, String)]) -> String {
        query.map { (PercentEncoding.encode($0.0), PercentEncoding.encode($0.1)) }.sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }
}

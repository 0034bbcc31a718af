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
        query.map { (percentEncoded($0.0), percentEncoded($0.1)) }.sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }
}

/// The text with everything but unreserved characters percent-encoded (RFC 3986, 2.3).
func percentEncoded(_ text: String) -> String {
    var encoded: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "~"):
            encoded.append(byte)
        default:
            encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: encoded, as: UTF8.self)
}

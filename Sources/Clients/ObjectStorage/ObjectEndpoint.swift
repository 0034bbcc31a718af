/// An object store that speaks S3 or OBS, and the key to it.
package struct ObjectEndpoint: Sendable, Hashable {
    package enum Addressing: Sendable, Hashable {
        /// `https://endpoint/bucket/key`
        case path
        /// `https://bucket.endpoint/key`
        case virtualHost
    }

    package enum Signature: Sendable, Hashable {
        /// AWS Signature Version 4.
        case v4
        /// The signature of OBS, HMAC-SHA1 over the request's lines.
        case obs
    }

    package var isSecure: Bool
    /// `host` or `host:port`.
    package var authority: String
    package var region: String
    package var accessKey: String
    package var secretKey: String
    package var addressing: Addressing
    package var signature: Signature

    package init(
        isSecure: Bool, authority: String, region: String, accessKey: String, secretKey: String,
        addressing: Addressing = .path, signature: Signature = .v4
    ) {
        self.isSecure = isSecure
        self.authority = authority
        self.region = region
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.addressing = addressing
        self.signature = signature
    }

    func host(of bucket: String) -> String {
        addressing == .virtualHost ? "\(bucket).\(authority)" : authority
    }

    /// The encoded path of an object or, with an empty key, of its bucket.
    func path(of bucket: String, _ key: String) -> String {
        let object = key.split(separator: "/", omittingEmptySubsequences: false)
            .map { Self.encode($0) }.joined(separator: "/")
        return addressing == .virtualHost
            ? "/" + object : "/" + Self.encode(bucket) + (object.isEmpty ? "" : "/" + object)
    }

    /// Percent-encodes all but RFC 3986's unreserved characters, as both signatures demand.
    static func encode(_ text: some StringProtocol) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}

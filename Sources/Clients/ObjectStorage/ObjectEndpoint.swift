internal import HTTPTypes

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
            .map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
        return addressing == .virtualHost
            ? "/" + object : "/" + PercentEncoding.encode(bucket) + (object.isEmpty ? "" : "/" + object)
    }
}

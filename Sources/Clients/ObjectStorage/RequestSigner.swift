internal import Crypto
internal import HTTPTypes
internal import SluiceCore

/// A moment in the spellings that signatures need.
package struct SigningTime: Sendable, Hashable {
    /// `20260102T030405Z`
    package let basic: String
    /// `Fri, 02 Jan 2026 03:04:05 GMT` (RFC 9110, 5.6.7)
    package let http: String

    package init(secondsSinceEpoch seconds: Int64) {
        let civil = CivilTime(secondsSinceEpoch: seconds)
        basic = civil.basic
        let days = seconds.flooredDivision(by: 86_400)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((days % 7 + 7) % 7)]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let date = "\(civil.day.padded(to: 2)) \(months[civil.month - 1]) \(civil.year.padded(to: 4))"
        http = "\(weekday), \(date) \(civil.clock(separator: ":")) GMT"
    }
}

/// Signs requests to an object store.
struct RequestSigner: Sendable {
    let endpoint: ObjectEndpoint

    /// The headers of a signed request, `Host` included.
    func headers(
        _ method: String, bucket: String, key: String, query: [(name: String, value: String?)], payload: [UInt8],
        at time: SigningTime
    ) -> HTTPFields {
        switch endpoint.signature {
        case .v4: v4(method, bucket, key, query, payload, time)
        case .obs: obs(method, bucket, key, query, time)
        }
    }

    /// AWS Signature Version 4 ("Create a signed AWS API request"), the payload's digest included.
    private func v4(
        _ method: String, _ bucket: String, _ key: String, _ query: [(name: String, value: String?)],
        _ payload: [UInt8], _ time: SigningTime
    ) -> HTTPFields {
        let host = endpoint.host(of: bucket)
        let digest = Hex.encode(Hash.sha256(payload))
        let canonicalQuery = query.map {
            "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value ?? ""))"
        }
        .sorted().joined(separator: "&")
        let signedNames = "host;x-amz-content-sha256;x-amz-date"
        let request = [
            method, endpoint.path(of: bucket, key), canonicalQuery, "host:\(host)", "x-amz-content-sha256:\(digest)",
            "x-amz-date:\(time.basic)", "", signedNames, digest,
        ].joined(separator: "\n")
        let date = String(time.basic.prefix(8))
        let scope = "\(date)/\(endpoint.region)/s3/aws4_request"
        let text = [
            "AWS4-HMAC-SHA256", time.basic, scope, Hex.encode(Hash.sha256(Array(request.utf8))),
        ].joined(separator: "\n")
        var signingKey = Array("AWS4\(endpoint.secretKey)".utf8)
        for part in [date, endpoint.region, "s3", "aws4_request"] { signingKey = HMAC.sha256(key: signingKey, part) }
        let signature = Hex.encode(HMAC.sha256(key: signingKey, text))
        return HTTPFields([
            ("Host", host), ("x-amz-content-sha256", digest), ("x-amz-date", time.basic),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=\(endpoint.accessKey)/\(scope), SignedHeaders=\(signedNames), Signature=\(signature)"
            ),
        ])
    }

    /// The header signature of OBS ("Authentication of Signature in a Header").
    private func obs(
        _ method: String, _ bucket: String, _ key: String, _ query: [(name: String, value: String?)],
        _ time: SigningTime
    ) -> HTTPFields {
        let subresources: Set = ["uploads", "uploadId", "partNumber"]
        let signed = query.filter { subresources.contains($0.name) }.sorted { $0.name < $1.name }
            .map { pair in pair.value.map { "\(pair.name)=\($0)" } ?? pair.name }.joined(separator: "&")
        let object = key.split(separator: "/", omittingEmptySubsequences: false)
            .map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
        let resource = "/\(bucket)/\(object)" + (signed.isEmpty ? "" : "?\(signed)")
        let text = [method, "", "", time.http, resource].joined(separator: "\n")
        let code = HMAC.sha1(key: Array(endpoint.secretKey.utf8), Array(text.utf8))
        return HTTPFields([
            ("Host", endpoint.host(of: bucket)), ("Date", time.http),
            ("Authorization", "OBS \(endpoint.accessKey):\(Base64.encode(code))"),
        ])
    }
}

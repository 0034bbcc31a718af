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
        let days = seconds >= 0 ? seconds / 86_400 : -1
        let rest = Int(seconds - days * 86_400)
        // Days are counted in eras of 400 years that begin on 1 March, so that the leap day comes last.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = Int(shifted - era * 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map(two)
        basic = "\(year)\(two(month))\(two(day))T\(clock.joined())Z"
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((days % 7 + 7) % 7)]
        let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month - 1]
        http = "\(weekday), \(two(day)) \(name) \(year) \(clock.joined(separator: ":")) GMT"
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

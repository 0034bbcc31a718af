internal import Crypto
internal import HTTPTypes

/// Checks a request's signature against the access key's secret: in the form the client says, under the few choices in
/// which clients of that form differ.
struct SignatureVerifier: Sendable {
    private let keys = SigningKeys()
    private let hostAlternatives: [String]

    /// Signatures computed for one request at most.
    static let candidatesMax = 16

    /// - Parameter hostAlternatives: further values that clients may have signed as host, for servers behind a proxy.
    init(hostAlternatives: [String]) {
        self.hostAlternatives = hostAlternatives
    }

    /// Whether the signature is right.
    ///
    /// - Parameters:
    ///   - dateTime: the text of `X-Sdk-Date` as received.
    ///   - isPresigned: the signature stands in the query.
    func isRight(
        _ request: HTTPRequest, _ authorization: Authorization, dateTime: String, secret: [UInt8],
        isPresigned: Bool = false
    ) -> Bool {
        guard let wanted = Hex.decode(authorization.signature), wanted.count == HashFunction.sha256.digestLength,
            Self.hasFields(request, authorization.signedHeaders),
            let bodyHash = bodyHash(of: request, authorization.form)
        else { return false }
        let canonical = CanonicalRequest(
            request, form: authorization.form, signedHeaders: authorization.signedHeaders, bodyHash: bodyHash,
            ignoredParameter: isPresigned ? "X-Sdk-Signature" : nil)
        let key = keys.key(for: authorization, secret: secret)
        for variant in candidates(request, authorization, isPresigned: isPresigned) {
            let text = stringToSign(authorization, dateTime, canonical.text(variant))
            if SecureBytes.equal(HMAC.sha256(key: key, text), wanted) {
                keys.remember(key, for: authorization, secret: secret)
                return true
            }
        }
        return false
    }

    /// Whether each signed field is there, the host exactly once.
    private static func hasFields(_ request: HTTPRequest, _ names: [String]) -> Bool {
        names.allSatisfy { name in
            let count = request.headers.fields.count { $0.name.equalsIgnoringCase(name) }
            return name == "host" ? count == 1 : count > 0
        }
    }

    func stringToSign(_ authorization: Authorization, _ dateTime: String, _ canonical: [UInt8]) -> [UInt8] {
        var text = Array(authorization.algorithm.rawValue.utf8)
        text.append(UInt8(ascii: "\n"))
        text += dateTime.utf8
        text.append(UInt8(ascii: "\n"))
        if authorization.form != .access {
            text += authorization.scope.utf8
            text.append(UInt8(ascii: "\n"))
        }
        text += Hex.digits(Hash.sha256(canonical))
        return text
    }

    /// What the last line of the signed text must be; nil when the request contradicts itself.
    private func bodyHash(of request: HTTPRequest, _ form: Authorization.Form) -> [UInt8]? {
        if request.body.isEmpty { return Self.emptyHash }
        if form != .classic, let stated = request.headers["X-Sdk-Content-Sha256"], !stated.isEmpty {
            if stated == "UNSIGNED-PAYLOAD" { return Array(stated.utf8) }
            // A stated hash is covered by the signature, the body only if the hash is its own.
            let actual = unsafe request.body.withUnsafeBytes { unsafe Hash.sha256($0) }
            return Hex.decode(stated) == actual ? Array(stated.utf8) : nil
        }
        return unsafe request.body.withUnsafeBytes { unsafe Hex.digits(Hash.sha256($0)) }
    }

    private static let emptyHash = Hex.digits(Hash.sha256([]))

    /// The choices to try, likeliest first. Only those that change the text are varied, and the v3 forms leave none but
    /// the host's.
    func candidates(
        _ request: HTTPRequest, _ authorization: Authorization, isPresigned: Bool
    ) -> [CanonicalRequest.Variant] {
        var variants = [CanonicalRequest.Variant(host: request.headers["Host"]?.trimmingBlanks ?? "")]
        func vary(_ change: (inout CanonicalRequest.Variant) -> Void) {
            variants += variants.map { variant in
                var variant = variant
                change(&variant)
                return variant
            }
        }
        let isHostSigned = authorization.signedHeaders.contains("host")
        if authorization.form == .classic {
            let query = request.query
            if request.path.utf8.contains(UInt8(ascii: "%")) { vary { $0.isPathEncodedTwice = true } }
            if Self.hasEmptyParameter(query) { vary { $0.hasBareEmptyParameters = true } }
            if isHostSigned, let bare = Self.withoutPort(variants[0].host) { vary { $0.host = bare } }
            if request.body.isEmpty, request.method == "POST", !query.isEmpty {
                let plain = variants
                variants += plain.map { $0.with(payload: .query) } + plain.map { $0.with(payload: .queryAlone) }
            }
            if isPresigned, request.body.isEmpty { vary { $0.payload = .unsigned } }
            if query.utf8.contains(UInt8(ascii: "+")) { vary { $0.isPlusLiteral = true } }
        }
        if isHostSigned, !hostAlternatives.isEmpty {
            let own = variants
            for host in hostAlternatives { variants += own.map { $0.with(host: host) } }
        }
        return Array(variants.prefix(Self.candidatesMax))
    }

    /// The host without its port, nil when it has none.
    static func withoutPort(_ host: String) -> String? {
        guard let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")), colon != host.startIndex,
            !host[colon...].utf8.contains(UInt8(ascii: "]"))
        else { return nil }
        return String(host[..<colon])
    }

    private static func hasEmptyParameter(_ query: Substring) -> Bool {
        query.utf8.split(separator: UInt8(ascii: "&")).contains { piece in
            guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else { return true }
            return piece.index(after: equals) == piece.endIndex
        }
    }
}

extension CanonicalRequest.Variant {
    fileprivate func with(payload: CanonicalRequest.Payload) -> Self {
        var copy = self
        copy.payload = payload
        return copy
    }

    fileprivate func with(host: String) -> Self {
        var copy = self
        copy.host = host
        return copy
    }
}

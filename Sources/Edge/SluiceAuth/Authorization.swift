/// The `Authorization` header of a signed request, taken apart (spec section 5.1).
struct Authorization: Sendable, Hashable {
    enum Algorithm: String, Sendable {
        case plain = "SDK-HMAC-SHA256"
        case derived = "V11-HMAC-SHA256"
    }

    /// Which of the public forms the client speaks.
    enum Form: Sendable, Hashable {
        /// `Access=AK`: the v3 SDKs, the secret key itself signs.
        case access
        /// `Credential=` with four parts: the v3 SDKs with a derived key.
        case v3Derived
        /// `Credential=` with five parts: Java, OTC Go (region and service empty), legacy Python.
        case classic
    }

    let algorithm: Algorithm
    let form: Form
    let accessKey: String
    /// What follows the access key in `Credential=`, as received; empty for `Access=`.
    let scope: String
    let date: String
    let region: String
    let service: String
    /// Lower-case names in the order received.
    let signedHeaders: [String]
    let signature: String

    /// Signed header names that are looked at.
    static let signedHeadersMax = 64
    /// Longest header that is looked at.
    static let bytesMax = 8192

    init(parsing header: String) throws(AuthError) {
        let malformed = AuthError(.malformedAuthorization)
        guard header.utf8.count <= Self.bytesMax else { throw malformed }
        let words = header.split(separator: " ", maxSplits: 1)
        guard let word = words.first, let algorithm = Algorithm(rawValue: String(word)) else { throw malformed }
        var parameters: [Substring: Substring] = [:]
        for piece in words.count > 1 ? words[1].split(separator: ",", omittingEmptySubsequences: false) : [] {
            let piece = piece.trimmingBlanks
            guard let equals = piece.firstIndex(of: "=") else { throw malformed }
            let name = piece[..<equals]
            guard ["Access", "Credential", "SignedHeaders", "Signature"].contains(name),
                parameters.updateValue(piece[piece.index(after: equals)...], forKey: name) == nil
            else { throw malformed }
        }
        guard let signature = parameters["Signature"], let names = parameters["SignedHeaders"], !names.isEmpty else {
            throw AuthError(.incompleteAuthorization)
        }
        try self.init(
            algorithm: algorithm, access: parameters["Access"], credential: parameters["Credential"],
            signedHeaders: names, signature: signature)
    }

    /// From the parts of a header or of a presigned query.
    init(
        algorithm: Algorithm, access: Substring?, credential: Substring?, signedHeaders names: Substring,
        signature: Substring
    ) throws(AuthError) {
        let malformed = AuthError(.malformedAuthorization)
        self.algorithm = algorithm
        switch (access, credential) {
        case (nil, nil): throw AuthError(.incompleteAuthorization)
        case (_?, _?): throw malformed
        case (let access?, nil):
            guard algorithm == .plain else { throw malformed }
            form = .access
            accessKey = String(access)
            (scope, date, region, service) = ("", "", "", "")
        case (nil, let credential?):
            let parts = credential.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            switch parts.count {
            case 4 where algorithm == .derived: form = .v3Derived
            case 5 where parts[4] == "sdk_request": form = .classic
            default: throw malformed
            }
            accessKey = parts[0]
            scope = parts[1...].joined(separator: "/")
            (date, region, service) = (parts[1], parts[2], parts[3])
        }
        let list = names.split(separator: ";", omittingEmptySubsequences: false)
        guard list.count <= Self.signedHeadersMax, list.allSatisfy(\.isHeaderName) else { throw malformed }
        signedHeaders = list.map { $0.lowercased() }
        self.signature = String(signature)
        guard !accessKey.isEmpty else { throw AuthError(.emptyAccessKey) }
        guard !signature.isEmpty else { throw AuthError(.emptySignature) }
    }
}

extension Substring {
    /// Without blanks and tabs at both ends.
    var trimmingBlanks: Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }

    /// Whether the text is a token (RFC 9110, 5.6.2).
    fileprivate var isHeaderName: Bool {
        !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}

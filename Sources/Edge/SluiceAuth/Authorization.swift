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
        let bytes = Array(header.utf8)
        let blank = bytes.firstIndex(of: UInt8(ascii: " ")) ?? bytes.endIndex
        guard let algorithm = Algorithm(rawValue: String(decoding: bytes[..<blank], as: UTF8.self)) else {
            throw malformed
        }
        var access: ArraySlice<UInt8>?
        var credential: ArraySlice<UInt8>?
        var names: ArraySlice<UInt8>?
        var signature: ArraySlice<UInt8>?
        let rest = bytes[blank...].trimmingBlanks
        for piece in rest.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: rest.isEmpty) {
            let piece = piece.trimmingBlanks
            guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else { throw malformed }
            let value = piece[(equals + 1)...]
            let name = piece[..<equals]
            let isFirst: Bool
            if name.elementsEqual("Access".utf8) {
                isFirst = access.replaceNil(with: value)
            } else if name.elementsEqual("Credential".utf8) {
                isFirst = credential.replaceNil(with: value)
            } else if name.elementsEqual("SignedHeaders".utf8) {
                isFirst = names.replaceNil(with: value)
            } else if name.elementsEqual("Signature".utf8) {
                isFirst = signature.replaceNil(with: value)
            } else {
                isFirst = false
            }
            guard isFirst else { throw malformed }
        }
        guard let signature, let names, !names.isEmpty else { throw AuthError(.incompleteAuthorization) }
        try self.init(
            algorithm: algorithm, access: access, credential: credential, signedHeaders: names, signature: signature)
    }

    /// From the parts of a header or of a presigned query.
    init(
        algorithm: Algorithm, access: ArraySlice<UInt8>?, credential: ArraySlice<UInt8>?,
        signedHeaders names: ArraySlice<UInt8>, signature: ArraySlice<UInt8>
    ) throws(AuthError) {
        let malformed = AuthError(.malformedAuthorization)
        self.algorithm = algorithm
        switch (access, credential) {
        case (nil, nil): throw AuthError(.incompleteAuthorization)
        case (_?, _?): throw malformed
        case (let access?, nil):
            guard algorithm == .plain else { throw malformed }
            form = .access
            accessKey = String(decoding: access, as: UTF8.self)
            (scope, date, region, service) = ("", "", "", "")
        case (nil, let credential?):
            let slices = credential.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            let parts = slices.map { String(decoding: $0, as: UTF8.self) }
            switch parts.count {
            case 4 where algorithm == .derived: form = .v3Derived
            case 5 where parts[4] == "sdk_request": form = .classic
            default: throw malformed
            }
            accessKey = parts[0]
            scope = String(decoding: credential[slices[1].startIndex...], as: UTF8.self)
            (date, region, service) = (parts[1], parts[2], parts[3])
        }
        let list = names.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard list.count <= Self.signedHeadersMax, list.allSatisfy(\.isHeaderName) else { throw malformed }
        signedHeaders = list.map { String(decoding: $0.map(\.asciiLowercased), as: UTF8.self) }
        self.signature = String(decoding: signature, as: UTF8.self)
        guard !accessKey.isEmpty else { throw AuthError(.emptyAccessKey) }
        guard !signature.isEmpty else { throw AuthError(.emptySignature) }
    }
}

extension String {
    /// Without blanks and tabs at both ends.
    var trimmingBlanks: String {
        guard let first = utf8.first, let last = utf8.last, first.isBlank || last.isBlank else { return self }
        return String(decoding: Array(utf8)[...].trimmingBlanks, as: UTF8.self)
    }
}

extension ArraySlice<UInt8> {
    /// Without blanks and tabs at both ends.
    fileprivate var trimmingBlanks: Self {
        guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }

    /// Whether the bytes are a token (RFC 9110, 5.6.2).
    fileprivate var isHeaderName: Bool {
        !isEmpty
            && allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: "!#$%&'*+.^_`|~".utf8.contains(byte)
                }
            }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    fileprivate var asciiLowercased: UInt8 {
        self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
    }
}

extension Optional {
    /// Puts the value in an empty place; false when it is taken.
    fileprivate mutating func replaceNil(with value: Wrapped) -> Bool {
        guard case .none = self else { return false }
        self = value
        return true
    }
}

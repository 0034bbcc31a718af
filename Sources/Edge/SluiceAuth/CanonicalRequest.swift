internal import Crypto
internal import HTTPTypes

/// The text that a client signed, rebuilt from the request as received (spec sections 5.2 to 5.4).
///
/// Clients differ in a few choices; the parts that are the same for all of them are computed once here, and `text` joins
/// them under one set of choices.
struct CanonicalRequest {
    /// The choices in which clients differ.
    struct Variant: Hashable {
        /// The value signed for `host`.
        var host: String
        /// Parameters with an empty value are signed as the bare name.
        var hasBareEmptyParameters = false
        /// The path is encoded once more as it stands on the wire.
        var isPathEncodedTwice = false
        var payload = Payload.body
        /// A `+` in the query is itself and not a blank.
        var isPlusLiteral = false
    }

    enum Payload: Hashable {
        case body
        /// The query stands in for an empty body, and in its own line too.
        case query
        /// The query stands in for an empty body, and its own line is empty.
        case queryAlone
        case unsigned
    }

    private let method: String
    private let wirePath: [UInt8]
    private let query: Substring
    private let signedHeaders: [String]
    private let headers: HTTPFields
    private let bodyHash: [UInt8]
    private let ignoredParameter: String?

    /// - Parameters:
    ///   - bodyHash: the lower-case hexadecimal SHA-256 of the body, or what the client says instead.
    ///   - ignoredParameter: a query parameter that is not part of the signed text.
    init(
        _ request: HTTPRequest, form: Authorization.Form, signedHeaders: [String], bodyHash: [UInt8],
        ignoredParameter: String? = nil
    ) {
        method = request.method
        let path = Array(request.path.utf8)
        wirePath = form == .classic ? Self.resolvingSegments(path) : path
        query = request.query
        self.signedHeaders = signedHeaders
        headers = request.headers
        self.bodyHash = bodyHash
        self.ignoredParameter = ignoredParameter
    }

    func text(_ variant: Variant) -> [UInt8] {
        let query = canonicalQuery(variant)
        var text = [UInt8]()
        text.reserveCapacity(512 + wirePath.count * 2 + query.count)
        text += method.utf8
        text.append(Self.lineFeed)
        text += canonicalPath(variant)
        text.append(Self.lineFeed)
        if variant.payload != .queryAlone { text += query }
        text.append(Self.lineFeed)
        for name in signedHeaders {
            text += name.utf8
            text.append(UInt8(ascii: ":"))
            if name == "host" { text += variant.host.utf8 } else { append(valueOf: name, to: &text) }
            text.append(Self.lineFeed)
        }
        text.append(Self.lineFeed)
        for (index, name) in signedHeaders.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ";")) }
            text += name.utf8
        }
        text.append(Self.lineFeed)
        switch variant.payload {
        case .body: text += bodyHash
        case .query, .queryAlone: text += Hex.digits(Hash.sha256(query))
        case .unsigned: text += "UNSIGNED-PAYLOAD".utf8
        }
        return text
    }

    /// Appends all values of that name, so that an added second field breaks the signature.
    private func append(valueOf name: String, to text: inout [UInt8]) {
        var isFirst = true
        for field in headers.fields where field.name.equalsIgnoringCase(name) {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            text += field.value.trimmingBlanks.utf8
            isFirst = false
        }
    }

    private func canonicalPath(_ variant: Variant) -> [UInt8] {
        var path = PercentEncoding.encode(
            variant.isPathEncodedTwice ? wirePath : PercentEncoding.decode(wirePath, plusIsBlank: false),
            keepingSlashes: true)
        if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        return path
    }

    private func canonicalQuery(_ variant: Variant) -> [UInt8] {
        guard !query.isEmpty else { return [] }
        var parameters: [(name: [UInt8], value: [UInt8])] = []
        for piece in query.utf8.split(separator: UInt8(ascii: "&")) {
            let equals = piece.firstIndex(of: UInt8(ascii: "="))
            let name = Array(piece[..<(equals ?? piece.endIndex)])
            let value = equals.map { Array(piece[piece.index(after: $0)...]) } ?? []
            if let ignoredParameter, Array(ignoredParameter.utf8) == name { continue }
            parameters.append((recode(name, variant), recode(value, variant)))
        }
        parameters.sort { left, right in
            left.name == right.name
                ? left.value.lexicographicallyPrecedes(right.value) : left.name.lexicographicallyPrecedes(right.name)
        }
        var text = [UInt8]()
        for (index, parameter) in parameters.enumerated() {
            if index > 0 { text.append(UInt8(ascii: "&")) }
            text += parameter.name
            if parameter.value.isEmpty && variant.hasBareEmptyParameters { continue }
            text.append(UInt8(ascii: "="))
            text += parameter.value
        }
        return text
    }

    private func recode(_ bytes: [UInt8], _ variant: Variant) -> [UInt8] {
        PercentEncoding.encode(
            PercentEncoding.decode(bytes, plusIsBlank: !variant.isPlusLiteral), keepingSlashes: false)
    }

    /// Drops empty segments and resolves `.` and `..`, as the signers of the five-part form do.
    static func resolvingSegments(_ path: [UInt8]) -> [UInt8] {
        var segments: [ArraySlice<UInt8>] = []
        for segment in path.split(separator: UInt8(ascii: "/")) {
            if segment.elementsEqual(".".utf8) { continue }
            if segment.elementsEqual("..".utf8) {
                _ = segments.popLast()
            } else {
                segments.append(segment)
            }
        }
        return segments.reduce(into: []) { path, segment in
            path.append(UInt8(ascii: "/"))
            path += segment
        }
    }

    private static let lineFeed = UInt8(ascii: "\n")
}

internal import FoundationEssentials
package import HTTPTypes
package import SluiceCore

/// Who calls: what authentication found out.
package struct RequestCaller: Sendable {
    /// The project the credential is scoped to.
    package let project: ProjectID
    package let domainName: String
    package let userName: String
    package let userID: String

    package init(project: ProjectID, domainName: String, userName: String, userID: String) {
        self.project = project
        self.domainName = domainName
        self.userName = userName
        self.userID = userID
    }
}

/// Checks credentials; the executable puts the identity module behind it.
package protocol RequestAuthenticator: Sendable {
    /// The caller as of what is known in memory, or the error to answer with.
    ///
    /// - Parameter project: the project in the path, which must be the caller's; nil where the path names none.
    func authenticate(_ request: HTTPRequest, project: String?) throws(APIError) -> RequestCaller

    /// Whether something has become known that may turn that refusal: then the request is checked once more.
    func looksAgain(after refusal: APIError) async -> Bool
}

extension RequestAuthenticator {
    package func looksAgain(after refusal: APIError) async -> Bool { false }
}

/// One authenticated request on its way to a handler.
package struct RequestContext: Sendable {
    package let request: HTTPRequest
    /// Decoded path parameters, by the names in the pattern.
    package let parameters: PathParameters
    package let query: QueryParameters
    package let caller: RequestCaller
    /// The body after content decoding.
    package let body: HTTPBody

    /// The caller's project, which the path has been checked against.
    package var project: ProjectID { caller.project }

    /// A path parameter that the route's pattern has.
    package func parameter(_ name: String) -> String {
        parameters[name] ?? ""
    }

    /// Decodes the JSON body: no bytes are DIS.4202, bad JSON is DIS.4300, a wrong type DIS.4200 naming the member.
    package func decode<Body: Decodable>(_ type: Body.Type) throws(APIError) -> Body {
        guard !body.isEmpty else { throw .emptyBody }
        guard unsafe body.withUnsafeBytes({ bytes in unsafe JSONText.isValid(bytes) }) else {
            throw .undecodable("Invalid JSON body.")
        }
        do {
            return try JSONDecoder().decode(Body.self, from: Data(body.array))
        } catch let error as DecodingError {
            throw Self.translate(error)
        } catch {
            throw .undecodable("Invalid JSON body.")
        }
    }

    private static func translate(_ error: DecodingError) -> APIError {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            let member = path(context.codingPath)
            return .invalid(member.isEmpty ? "the body must be a JSON object" : "\(member) has a wrong type")
        case .keyNotFound(let key, let context):
            return .invalid("\(path(context.codingPath + [key])) is missing")
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty
                ? .undecodable("Invalid JSON body.") : .invalid("\(path(context.codingPath)) is invalid")
        @unknown default: return .undecodable("Invalid JSON body.")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
}

extension HTTPResponse {
    /// A JSON answer; members are written in order of their names.
    ///
    /// - Parameter retained: goes with the answer's last byte.
    package static func json(
        _ status: Int, _ body: some Encodable, retaining retained: (any AnyObject & Sendable)? = nil
    ) throws -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return HTTPResponse(
            status: status, headers: HTTPFields([("Content-Type", "application/json")]),
            body: Array(try encoder.encode(body)), retaining: retained)
    }

    /// An answer without a body.
    package static func empty(_ status: Int) -> HTTPResponse {
        HTTPResponse(status: status)
    }
}

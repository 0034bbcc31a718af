/// Why a request's identity was refused: a closed set, one case for each code of the public error table.
package struct AuthError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Any other failure to authenticate.
        case unauthorized = "DIS.4100"
        case noCredentials = "DIS.4101"
        case malformedAuthorization = "DIS.4102"
        case emptyDate = "DIS.4103"
        case malformedDate = "DIS.4104"
        case skewedDate = "DIS.4105"
        case emptyAccessKey = "DIS.4106"
        case unknownAccessKey = "DIS.4107"
        /// Strict mode only: the scope names no service.
        case emptyService = "DIS.4108"
        case incompleteAuthorization = "DIS.4109"
        case emptySignature = "DIS.4110"
        /// Strict mode only: the scope's region is not the server's.
        case foreignRegion = "DIS.4111"
        case wrongSignature = "DIS.4112"
        case emptyToken = "DIS.4113"
        case invalidToken = "DIS.4114"
        /// Authenticated, but the user or project is disabled or not allowed.
        case forbidden = "DIS.4116"
        /// The project in the path or in `X-Project-Id` is not the caller's.
        case foreignProject = "DIS.4117"
        /// Too many failures from one address.
        case tooManyFailures = "DIS.4309"

        /// The published text, without details.
        package var text: String {
            switch self {
            case .unauthorized: "Authorization error."
            case .noCredentials: "Authorization header cannot be empty."
            case .malformedAuthorization: "Authorization header incorrectly parsed."
            case .emptyDate: "Empty X-Sdk-Date header."
            case .malformedDate: "Error parsing X-Sdk-Date header."
            case .skewedDate: "Invalid X-Sdk-Date header."
            case .emptyAccessKey: "Empty AccessKey header."
            case .unknownAccessKey: "Invalid AccessKey header."
            case .emptyService: "Empty ServiceName header."
            case .incompleteAuthorization:
                "The Authorization header must contain Credential, SignedHeaders and Signature."
            case .emptySignature: "Empty Signature header."
            case .foreignRegion: "Invalid Region header."
            case .wrongSignature: "Invalid authorization request."
            case .emptyToken: "Empty Token header."
            case .invalidToken: "Invalid Token header."
            case .forbidden: "Invalid RBAC."
            case .foreignProject: "Invalid Project Id."
            case .tooManyFailures: "Too many request failures. Please try again later."
            }
        }
    }

    package let code: Code
    /// What the published text leaves open; never a secret, never another code.
    package let detail: String?

    package init(_ code: Code, detail: String? = nil) {
        self.code = code
        self.detail = detail
    }

    /// The published text, the detail in square brackets after it.
    package var message: String {
        code.text + (detail.map { " [\($0)]" } ?? "")
    }

    /// The answer's status.
    ///
    /// - Parameter unauthenticated: the status of all failures to authenticate: 401, which public clients act upon, or
    ///   441 as documented.
    package func status(unauthenticated: Int) -> Int {
        switch code {
        case .forbidden: 403
        case .foreignProject, .tooManyFailures: 400
        default: unauthenticated
        }
    }

    /// Whether a change of the catalog that this process has not seen yet could turn the answer.
    package var mayBeStale: Bool {
        switch code {
        case .unknownAccessKey, .wrongSignature, .invalidToken, .forbidden: true
        default: false
        }
    }

    package var description: String { "\(code.rawValue): \(message)" }
}

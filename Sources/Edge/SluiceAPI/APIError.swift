/// An error as a client sees it: status, public code, message. Made in one place from every module's own errors.
package struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    package let status: Int
    /// `DIS.` and four digits.
    package let code: String
    package let message: String

    package init(status: Int, code: String, message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// A fault in the request: 400 DIS.4200 with the reason in brackets.
    package static func invalid(_ reason: String) -> APIError {
        APIError(status: 400, code: "DIS.4200", message: "Invalid request. [\(reason)]")
    }

    /// A body that does not decode: 400 DIS.4300.
    package static func undecodable(_ reason: String) -> APIError {
        APIError(status: 400, code: "DIS.4300", message: "Request error. [\(reason)]")
    }

    package static let emptyBody = APIError(status: 400, code: "DIS.4202", message: "Empty request.")
    package static let unknownRoute = APIError(
        status: 404, code: "DIS.4200", message: "Invalid request. [url not found]")
    package static let wrongMethod = APIError(
        status: 405, code: "DIS.4200", message: "Invalid request. [method not allowed]")
    package static let tooLarge = APIError(status: 413, code: "DIS.4200", message: "Request entity too large.")
    package static let system = APIError(status: 500, code: "DIS.5000", message: "System error.")

    package static func foreignProject(_ project: String) -> APIError {
        APIError(status: 400, code: "DIS.4117", message: "Invalid Project Id. [\(project)]")
    }

    package static func notPermitted(_ reason: String) -> APIError {
        APIError(status: 403, code: "DIS.4116", message: "Invalid RBAC. [\(reason)]")
    }

    package var description: String { "\(status) \(code) \(message)" }
}

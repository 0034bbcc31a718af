/// The body of every error: both public spellings, because each client family reads another (spec section 6.1).
package struct ErrorBody: Codable, Sendable {
    package let errorCode: String
    package let message: String
    package let error_code: String
    package let error_msg: String

    package init(code: String, message: String) {
        errorCode = code
        self.message = message
        error_code = code
        error_msg = message
    }
}

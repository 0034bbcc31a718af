internal import HTTPTypes

/// Undoes a request's content encoding (spec section 3.4).
enum BodyDecoding {
    /// The body as the sender meant it; DIS.4200 with 415 for an unknown encoding.
    static func decode(_ request: HTTPRequest) throws(APIError) -> HTTPBody {
        guard let encoding = request.headers["Content-Encoding"], !encoding.isEmpty else { return request.body }
        switch encoding.lowercased() {
        case "identity": return request.body
        default:
            throw APIError(
                status: 415, code: "DIS.4200",
                message: "Invalid request. [content encoding \(encoding) is not supported]")
        }
    }
}

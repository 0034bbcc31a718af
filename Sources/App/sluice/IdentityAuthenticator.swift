internal import HTTPTypes
internal import SluiceAPI
internal import SluiceAuth
internal import SluiceCore

/// Puts the identity module behind the router's port.
struct IdentityAuthenticator: RequestAuthenticator {
    let authenticator: Authenticator
    let time: any TimeSource
    /// The status of a failure to authenticate: 401 or 441.
    let failureStatus: Int

    func authenticate(_ request: HTTPRequest, project: String?) throws(APIError) -> RequestCaller {
        do {
            let caller = try authenticator.verify(request, now: time.now()).get()
            let header = request.headers["X-Project-Id"]
            let acting = try
                (project.map { caller.project(path: $0, header: header) } ?? caller.project(header: header)).get()
            return RequestCaller(
                project: acting, domainName: caller.domainName, userName: caller.userName, userID: caller.userID)
        } catch {
            throw APIError(
                status: error.status(unauthenticated: failureStatus), code: error.code.rawValue, message: error.message)
        }
    }

    func looksAgain(after refusal: APIError) async -> Bool {
        guard let code = AuthError.Code(rawValue: refusal.code) else { return false }
        return await authenticator.looksAgain(after: code)
    }
}

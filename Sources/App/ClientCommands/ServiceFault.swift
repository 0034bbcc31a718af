internal import Curl
internal import FoundationEssentials
internal import HTTPTypes
internal import SluiceCore
internal import Terminal

/// The one table from what a server or the network says to what a person is told.
enum ServiceFault {
    /// The four members of the service's error body, and Keystone's (spec section 6.1).
    private struct Body: Decodable {
        struct Keystone: Decodable {
            var message: String?
        }
        /// `errorCode` and `error_code` alike.
        var errorCode: String?
        var message: String?
        var errorMsg: String?
        var error: Keystone?
    }

    static func error(from response: HTTPResponse, to endpoint: Endpoint) -> CommandError {
        // An answer that is no JSON still has its status.
        let body = try? JSONDecoder.forService.decode(Body.self, from: Data(response.body))
        let code = body?.errorCode
        let message =
            body?.errorMsg ?? body?.message ?? body?.error?.message
            ?? "The server answers with status \(response.status)."
        let exitCode: ExitCode =
            switch response.status {
            case 401, 403, 441: .noPermission
            case 502, 503, 504: .unavailable
            default: .failure
            }
        return CommandError(
            exitCode: exitCode, code: code, status: response.status, message,
            hint: hint(for: code, status: response.status, at: endpoint))
    }

    static func error(from error: CurlError, to endpoint: Endpoint) -> CommandError {
        let server = "The server at \(endpoint.text)"
        switch error.code {
        case .unreachable:
            return CommandError(
                exitCode: .unavailable, "\(server) cannot be reached: \(error)",
                hint: "Start it with 'sluice serve', or name another with --endpoint.")
        case .timedOut: return CommandError(exitCode: .unavailable, "\(server) does not answer in time: \(error)")
        case .connectionLost: return CommandError(exitCode: .unavailable, "\(server) broke the connection: \(error)")
        case .tls:
            return CommandError(
                exitCode: .unavailable, "\(server) cannot be trusted: \(error)",
                hint: "Name the certificates to trust with --ca-file.")
        case .invalidRequest: return CommandError(exitCode: .usage, "The request cannot be sent: \(error)")
        case .responseTooLarge, .bodyFailed, .cancelled, .refused, .other: return CommandError("\(server): \(error)")
        }
    }

    private static func hint(for code: String?, status: Int, at endpoint: Endpoint) -> String? {
        switch code {
        case "DIS.4301": "'sluice stream list' shows the streams there are."
        case "DIS.4332": "'sluice app list' shows the apps there are."
        case "DIS.4354": "'sluice task list STREAM' shows the tasks there are."
        case "DIS.4105": "Compare this machine's clock with the server's."
        case "DIS.4106", "DIS.4107", "DIS.4112":
            "Check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or unset them to use the local server's credentials."
        case "DIS.4113", "DIS.4114": "Get a new token with 'sluice token', or unset SLUICE_TOKEN."
        case "DIS.4117": "Check --project, SLUICE_PROJECT_ID and HUAWEICLOUD_SDK_PROJECT_ID."
        case "DIS.4303", "DIS.4305": "Try again later, or with less at once."
        case "DIS.4307": "'sluice stream update' changes it, 'sluice stream delete' removes it."
        case "DIS.4308": "Delete a stream that is not needed, or scale one down."
        case nil where status == 404: "Is '\(endpoint.text)' a Sluice server?"
        default: nil
        }
    }
}

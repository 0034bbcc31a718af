/// Why an object store refused or failed.
package struct ObjectStorageError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        case noSuchBucket
        case noSuchKey
        /// The upload was completed, aborted or forgotten, or the store has lost a part of it.
        case noSuchUpload
        case accessDenied
        /// The store will never take this request.
        case refused
        case quotaExceeded
        case throttled
        /// The store failed or cannot be reached; the request may or may not have had its effect.
        case unavailable
        case cancelled
    }

    /// What kept a request from being answered.
    package enum Transport: Sendable, Hashable {
        /// The endpoint's name does not resolve.
        case nameUnknown
        case nobodyListens
        /// The store's certificate or the handshake was refused.
        case tls
        case timedOut
        case other
    }

    package let code: Code
    /// Nil when there was an answer, or nothing was sent.
    package let transport: Transport?
    /// The status of the answer; 0 when there was none.
    package let status: Int
    /// The store's own code, such as `SlowDown`; empty when it gave none.
    package let storeCode: String
    package let message: String

    package init(
        _ code: Code, status: Int = 0, storeCode: String = "", transport: Transport? = nil, _ message: String
    ) {
        self.code = code
        self.transport = transport
        self.status = status
        self.storeCode = storeCode
        self.message = message
    }

    package var isRetriable: Bool { code == .throttled || code == .unavailable }

    package var description: String { message }

    /// Judges an answer by the store's code first, by its status last.
    static func judge(status: Int, storeCode: String, _ action: String) -> ObjectStorageError {
        let code: Code =
            switch storeCode {
            case "NoSuchBucket": .noSuchBucket
            case "NoSuchKey": .noSuchKey
            case "NoSuchUpload", "InvalidPart", "InvalidPartOrder": .noSuchUpload
            case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed",
                "AllAccessDisabled", "AccountProblem", "InvalidAccessKey", "XAdminUserNotFound",
                "InsufficientStorageSpace":
                storeCode == "InsufficientStorageSpace" ? .quotaExceeded : .accessDenied
            case "QuotaExceeded", "XMinioStorageFull": .quotaExceeded
            case "SlowDown", "TooManyRequests", "RequestLimitExceeded", "OperationAborted": .throttled
            case "RequestTimeout", "InternalError", "ServiceUnavailable", "IncompleteBody", "BadDigest",
                "XAmzContentSHA256Mismatch":
                .unavailable
            default:
                switch status {
                case 401, 403: .accessDenied
                case 404: .noSuchKey
                case 307, 408, 409, 425: .unavailable
                case 429: .throttled
                case 503: .throttled
                case 507: .quotaExceeded
                case 500...: .unavailable
                default: .refused
                }
            }
        let word = storeCode.isEmpty ? "" : " \(storeCode)"
        return ObjectStorageError(
            code, status: status, storeCode: storeCode,
            "the object store answers \(status)\(word) when asked to \(action)")
    }
}

package import SluiceTransfers

extension ErrorTable {
    /// The rows of transfer tasks (spec section 6.2).
    package func error(for error: TransferError) -> APIError {
        let (status, code, text) = row(for: error.code)
        if status == 500 { return .system }
        let detail = error.message.isEmpty || error.message.hasPrefix("[") ? error.message : "[\(error.message)]"
        return APIError(status: status, code: code, message: detail.isEmpty ? text : "\(text) \(detail)")
    }

    private func row(for code: TransferError.Code) -> (status: Int, code: String, text: String) {
        switch code {
        case .invalidRequest: (400, "DIS.4200", "Invalid request.")
        case .streamNotFound: (missingStreamStatus, "DIS.4301", "The stream does not exist.")
        case .bucketNotFound: (400, "DIS.4306", "Bucket does not exist.")
        case .destinationFailed: (400, "DIS.4310", "OBS access error.")
        case .invalidAgency: (400, "DIS.4335", "Invalid IAM agency.")
        case .taskNotFound: (400, "DIS.4354", "The transfer task does not exist.")
        case .taskExists: (400, "DIS.4355", "The transfer task already exists.")
        case .quotaExceeded: (400, "DIS.4357", "Exceeded transfer task quota.")
        case .invalidDataSchema: (400, "DIS.4360", "Invalid data schema.")
        case .unavailable, .damaged: (500, "DIS.5000", "System error.")
        }
    }
}

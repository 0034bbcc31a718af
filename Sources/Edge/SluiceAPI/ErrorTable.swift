package import SluiceStreams

/// The one table that turns domain errors into public codes and texts (spec section 6.2).
package struct ErrorTable: Sendable {
    /// The status of an unknown stream: 400 as documented, or 404 for clients that need it (spec section 8, 34).
    package let missingStreamStatus: Int

    package init(missingStreamStatus: Int = 400) {
        self.missingStreamStatus = missingStreamStatus
    }

    package func error(for error: StreamsError) -> APIError {
        let (status, code, text) = row(for: error.code)
        return APIError(
            status: status, code: code, message: error.detail.isEmpty ? text : "\(text) \(error.detail)")
    }

    private func row(for code: StreamsError.Code) -> (status: Int, code: String, text: String) {
        switch code {
        case .invalidRequest: (400, "DIS.4200", "Invalid request.")
        case .notPermitted: (403, "DIS.4116", "Invalid RBAC.")
        case .invalidPartitionID: (400, "DIS.4201", "Invalid partition_id.")
        case .streamNotRunning: (400, "DIS.4205", "Stream is not running.")
        case .invalidMetricsPeriod: (400, "DIS.4203", "Invalid monitoring period.")
        case .metricsPeriodTooLong: (400, "DIS.4204", "The monitoring period cannot be longer than 7 days.")
        case .invalidMetricsLabel: (400, "DIS.4209", "Invalid metrics label.")
        case .invalidCursorType: (400, "DIS.4215", "Invalid cursor type.")
        case .invalidSequenceNumber: (400, "DIS.4216", "Invalid sequence_number.")
        case .invalidCursor: (400, "DIS.4217", "Invalid partition cursor.")
        case .sequenceNumberOutOfRange: (400, "DIS.4224", "Sequence_number out of range.")
        case .cursorExpired: (400, "DIS.4225", "Expired partition cursor.")
        case .recordExpired:
            (
                400, "DIS.4226",
                "A partition iterator error occurred or a record to which the SN corresponds has expired. "
                    + "Try to obtain the partition iterator again."
            )
        case .requestError, .timestampExpired: (400, "DIS.4300", "Request error.")
        case .streamNotFound: (missingStreamStatus, "DIS.4301", "The stream does not exist.")
        case .partitionNotFound: (400, "DIS.4302", "Partition does not exist.")
        case .throttled: (400, "DIS.4303", "Exceeded traffic control limit.")
        case .streamExists: (400, "DIS.4307", "The stream already exists.")
        case .quotaExceeded: (400, "DIS.4308", "Insufficient quota.")
        case .partitionExpired: (400, "DIS.4319", "Partition is expired.")
        case .appQuotaExceeded: (400, "DIS.4329", "app quota exceeded.")
        case .appExists: (400, "DIS.4330", "app already exist.")
        case .appInUse: (400, "DIS.4331", "app is using.")
        case .appNotFound: (400, "DIS.4332", "app not found.")
        case .consumerQuotaExceeded: (400, "DIS.4339", "Consumer quota exceeded.")
        case .invalidSchema: (400, "DIS.4360", "Invalid data schema.")
        case .checkpointNotCommitted: (400, "DIS.4375", "The app does not commit checkpoint.")
        case .tooManyTags: (400, "DIS.4601", "The number of resource tags has reached the maximum.")
        case .resourceNotFound: (400, "DIS.4603", "The resource does not exist.")
        case .tagKeyNotFound: (400, "DIS.4604", "The key does not exist.")
        case .unsupportedAction: (400, "DIS.4605", "The action is not supported.")
        case .rebalanceInProgress: (400, "DIS.4701", "The consumer group is rebalancing.")
        case .memberNotFound: (400, "DIS.4702", "The consumer does not exist.")
        case .illegalGeneration: (400, "DIS.4703", "The generation is illegal.")
        case .storageUnavailable: (500, "DIS.5000", "System error.")
        }
    }
}

package import SluiceCore

/// Why a stream operation was refused or failed. The edge owns the one table that turns codes into statuses and texts.
package struct StreamsError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        case invalidRequest
        case notPermitted
        case invalidPartitionID
        case invalidSchema
        case streamNotFound
        case streamExists
        case streamNotRunning
        case quotaExceeded
        case partitionNotFound
        case partitionExpired
        case invalidCursorType
        case invalidSequenceNumber
        case sequenceNumberOutOfRange
        case invalidCursor
        case cursorExpired
        case recordExpired
        case requestError
        case timestampExpired
        case throttled
        case appNotFound
        case appExists
        case appInUse
        case appQuotaExceeded
        case checkpointNotCommitted
        case consumerQuotaExceeded
        case rebalanceInProgress
        case memberNotFound
        case illegalGeneration
        case tooManyTags
        case resourceNotFound
        case tagKeyNotFound
        case unsupportedAction
        case invalidMetricsLabel
        case invalidMetricsPeriod
        case metricsPeriodTooLong
        /// The log or the catalog failed; the same call may succeed later.
        case storageUnavailable
    }

    package let code: Code
    /// What follows the public text, brackets included where the public service uses them; empty when nothing does.
    package let detail: String

    package init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }

    /// A validation failure; the reason goes into brackets as the public service writes it.
    package static func invalid(_ reason: String) -> StreamsError {
        StreamsError(.invalidRequest, "[\(reason)]")
    }

    package static func streamNotFound(_ name: String, in project: ProjectID) -> StreamsError {
        StreamsError(.streamNotFound, "[\(name)][\(project)]")
    }

    /// The text that public clients take the three numbers from (spec section 2.4.2).
    package static func outOfRange(_ requested: SequenceNumber, _ bounds: ClosedRange<SequenceNumber>) -> StreamsError {
        StreamsError(
            .sequenceNumberOutOfRange,
            "[\(requested)][ should be within ][\(bounds.lowerBound)][ ][\(bounds.upperBound)]")
    }

    package var isRetriable: Bool { code == .storageUnavailable || code == .throttled }

    package var description: String { detail.isEmpty ? "\(code)" : "\(code) \(detail)" }
}

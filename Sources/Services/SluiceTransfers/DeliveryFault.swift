internal import SluiceCatalog
internal import SluicePorts

/// What a failed step means for the task. The one place where errors of the ports are judged.
enum DeliveryFault: Equatable {
    case cancelled
    case lost
    case partitionGone
    case permanent(String)
    case transient(String)

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .cancelled
        case is TaskLost: self = .lost
        case let fault as PermanentFault: self = .permanent(fault.reason)
        case let error as RecordBatchError: self = .permanent(error.description)
        case let error as SinkError:
            self =
                error.code == .cancelled
                ? .cancelled : error.isRetriable ? .transient(error.message) : .permanent(error.message)
        case let error as RecordLogError:
            self =
                switch error.code {
                case .cancelled: .cancelled
                case .unknownPartition: .partitionGone
                case .damaged: .permanent(error.message)
                case .trimmed, .beyondEnd, .full, .unavailable, .outcomeUnknown, .shutDown: .transient(error.message)
                }
        case let error as CatalogError:
            self = error.code == .damaged ? .permanent(error.description) : .transient(error.description)
        case let error as StreamLookupError:
            self = error.code == .cancelled ? .cancelled : .transient(error.message)
        case let error as TransferError: self = .permanent(error.message)
        default: self = .transient("\(error)")
        }
    }
}

internal import ObjectStorage
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// What a probe does to one place, and what its failures mean.
struct ProbeActions: Sendable {
    typealias Action = @Sendable () async throws -> Void

    let write: Action
    let readBack: Action
    let look: Action
    let remove: Action

    private static let content = Array("Written by 'sluice destination test'; it may be removed.\n".utf8)

    /// The object came back with other bytes.
    private struct Difference: Error {}

    static func folder(_ folder: FolderSink, key: String) -> ProbeActions {
        ProbeActions(
            write: {
                let rest = Mutex<[UInt8]?>(content)
                try await folder.write(key, body: ObjectBody(length: content.count) { rest.withLock { $0.take() } })
            },
            readBack: {
                let written = ObjectFacts(length: content.count, crc32c: CRC32C.checksum(content))
                guard try await folder.examine(key) == written else { throw Difference() }
            },
            look: { try await folder.prepare() },
            remove: { try await folder.remove(key) })
    }

    static func endpoint(_ storage: ObjectStorageClient, bucket: String, key: String) -> ProbeActions {
        ProbeActions(
            write: { try await storage.put(content, bucket: bucket, key: key) },
            readBack: {
                let found = Mutex<[UInt8]>([])
                let isThere = try await storage.get(bucket: bucket, key: key) { piece in
                    found.withLock { if $0.count <= content.count { $0 += piece } }
                }
                guard isThere, found.withLock({ $0 == content }) else { throw Difference() }
            },
            look: { try await storage.checkBucket(bucket) },
            remove: { try await storage.delete(bucket: bucket, key: key) })
    }

    static func judge(_ error: any Error) -> (DestinationProbe.Fault, String) {
        switch error {
        case let error as ObjectStorageError: (judge(error), error.message)
        case let error as SinkError: (judge(error), error.message)
        case is Difference: (.differs, "the object does not read back as it was written")
        default: (.other, "\(error)")
        }
    }

    private static func judge(_ error: SinkError) -> DestinationProbe.Fault {
        switch error.code {
        case .notFound, .unknownDestination: .bucketMissing
        case .accessDenied: .denied
        case .full: .full
        case .refused, .throttled, .unavailable, .cancelled: .other
        }
    }

    /// By transport first, then by the store's code, last by the status.
    private static func judge(_ error: ObjectStorageError) -> DestinationProbe.Fault {
        switch error.transport {
        case .nameUnknown?: return .nameUnknown
        case .nobodyListens?: return .nobodyListens
        case .tls?: return .tls
        case .timedOut?: return .timedOut
        case .other?: return .other
        case nil: break
        }
        switch error.storeCode {
        case "InvalidAccessKeyId", "InvalidAccessKey", "XAdminUserNotFound": return .accessKeyUnknown
        case "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch": return .signature
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraint":
            return .wrongRegion
        case "RequestTimeTooSkewed": return .clock
        default: break
        }
        if error.status == 301 || error.status == 307 { return .wrongRegion }
        return switch error.code {
        // An object that does not exist is no error of a write: it is the bucket that is missing.
        case .noSuchBucket, .noSuchKey: .bucketMissing
        case .accessDenied: .denied
        case .quotaExceeded: .full
        case .refused, .noSuchUpload, .throttled, .unavailable, .cancelled: .other
        }
    }
}
